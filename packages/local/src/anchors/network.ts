import { AsyncLocalStorage } from 'node:async_hooks'
import type { BoundedReply, BoundedRequest, StreamedReply, StreamedRequest } from './httpExchange.ts'

/** What stands in for the sockets of the operating system, so that a hundred machines fit into one process. */
export interface Network {
  /** As `boundedRequest`; keeps its limits and makes failures with `fail`. */
  request(request: BoundedRequest): Promise<BoundedReply>
  /** As `streamedRequest`. */
  stream(request: StreamedRequest): Promise<StreamedReply>
}

const substitute = new AsyncLocalStorage<Network>()

/**
 * Runs `work`, and everything that it starts, with another network. For simulations: programs never call it, and nothing that
 * comes over a network can.
 */
export function withNetwork<T>(network: Network, work: () => T): T {
  return substitute.run(network, work)
}

/** The network in place of the operating system's; undefined in every program. */
export function substituteNetwork(): Network | undefined {
  return substitute.getStore()
}

const HOOK = Symbol.for('countersign.crashPoint')

/**
 * Names a moment right before or right after something becomes durable, so that a test can stop the process exactly here.
 * Does nothing unless a test preloaded a module that installs the hook; no program of ours contains one.
 */
export function crashPoint(name: string): void {
  const hook = (globalThis as { [HOOK]?: (name: string) => void })[HOOK]
  if (hook !== undefined) hook(name)
}

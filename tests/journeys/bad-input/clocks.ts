import path from 'node:path'
import { countersignServer } from '../../support/programs.ts'
import type { BadInput } from './badInput.ts'
import { outcomeOf } from './commands.ts'
import type { Setting } from './setting.ts'

const EITHER_SIDE = 'the person does the same: set the clock'

/** A client whose clock is an hour off says so. */
export async function clientClockRows({ production, folder }: Setting): Promise<BadInput[]> {
  const file = path.join(folder, 'release-1.0.0')
  return [
    ['+1h', 'ahead'],
    ['-1h', 'behind'],
  ].flatMap(([offset = '', side]) => {
    const row = (command: string, expectedCode: string, ...words: string[]): BadInput => ({
      ...{ input: `client clock an hour ${side}: ${command}`, expectedCode, expectedExit: 2, recorded: 'nothing' },
      sharesCodeBecause: EITHER_SIDE,
      run: () => production.client.runAt(offset, command, ...words),
    })
    return [row('login', 'cli.clock-wrong'), row('verify', 'decide.clock-wrong', file)]
  })
}

/** A server whose clock is behind what it has signed does not start. It must have stopped. */
export async function serverClockRows({ production, fakeClock }: Setting): Promise<BadInput[]> {
  const { keyFile, instance } = production
  const serve = ['serve', '--data', instance.dataFolder, '--key-file', keyFile, '--json']
  return [
    {
      ...{
        input: 'server clock an hour behind its newest checkpoint',
        expectedCode: 'log.clock-behind',
        expectedExit: 2,
      },
      recorded: 'nothing',
      run: () => outcomeOf([...countersignServer, ...serve], fakeClock('-1h')),
    },
  ]
}

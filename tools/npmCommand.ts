/** How to start npm: the one that started this script, else the one on the path. */
export const npmCommand: readonly string[] =
  process.env.npm_execpath === undefined
    ? ['npm']
    : [process.env.npm_node_execpath ?? process.execPath, process.env.npm_execpath]

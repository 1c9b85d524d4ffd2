/** What stays of a JavaScript or TypeScript text when layout and comments are taken away. */
export interface ScriptShape {
  /** The tokens with one space between them, in place of each text, template and regular expression `""`. */
  readonly code: string
  /** How often something's `exports` is read or written, other than `module.exports`. */
  readonly moduleContents: number
  /** Names that a program chooses itself: no keywords, no properties, no keys. Every use counts. */
  readonly names: number
  /** Of `names`, those of one or two characters. */
  readonly shortNames: number
  /** `true` and `false`, and what minifiers write in their place. */
  readonly booleans: number
  readonly negatedNumbers: number
  /** Operators that people put spaces around, and how many of them have one before them. */
  readonly operators: number
  readonly spacedOperators: number
}

const KEYWORDS = new Set(
  `abstract as async await break case catch class const constructor continue debugger declare default delete do else enum
  export extends false finally for from function get if implements import in instanceof interface let new null of override
  private protected public readonly return satisfies set static super switch this throw true try type typeof undefined var
  void while with yield`.split(/\s+/),
)

const SPACE = /\s+/y
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y
const TEXT = /"(?:[^"\\\n]|\\[\s\S]?)*"?|'(?:[^'\\\n]|\\[\s\S]?)*'?/y
const TEMPLATE_PART = /[`}](?:[^`\\$]|\\[\s\S]?|\$(?!\{))*(?:`|\$\{|$)/y
// Bounded, because where none ends it is looked for again at the next slash.
const EXPRESSION = /\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.){0,200}\]){1,1000}\/[a-z]{0,10}/y
const WORD = /[A-Za-z_$\x80-\xff#@][\w$\x80-\xff]*/y
const NUMBER = /\d[\w.]*/y
const SIGN = /=>|===|!==|&&|\|\||\?\.|[\s\S]/y
const SPACED_SIGNS = new Set(['=>', '===', '!==', '&&', '||'])
/** After these a slash divides; after everything else it begins a regular expression. */
const ENDS_VALUE = /^(?:[\w$\x80-\xff]|[)\]"]$)/
const WORDS_BEFORE_VALUE = /^(?:await|case|delete|do|else|in|instanceof|new|of|return|throw|typeof|void|yield)$/

/**
 * Splits a text into tokens and counts what tells a minifier's work from a person's. Not a parser: where a slash is ambiguous
 * it guesses, and what is no JavaScript gives numbers without meaning. Never throws. The work grows with the length of the
 * text and no faster, because strangers write it.
 */
export function scriptShape(text: string): ScriptShape {
  const tokens: string[] = []
  /** How many braces were open where each template was interrupted. */
  const templates: number[] = []
  const counts = { booleans: 0, negatedNumbers: 0, operators: 0, spacedOperators: 0 }
  let braces = 0
  let isSpaced = true
  let at = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0] ?? ''
    at += found.length
    return found
  }
  const add = (token: string) => {
    tokens.push(token)
    isSpaced = false
  }
  while (at < text.length) {
    if (take(SPACE) !== '' || take(COMMENT) !== '') {
      isSpaced = true
      continue
    }
    const last = tokens.at(-1) ?? ''
    const first = text.charAt(at)
    if (first === '`' || (first === '}' && templates.at(-1) === braces)) {
      if (first === '}') templates.pop()
      const part = take(TEMPLATE_PART)
      if (part.endsWith('${')) templates.push(braces)
      // What follows `${` begins a value, what follows the end does not.
      add(part.endsWith('${') ? '+' : '""')
      continue
    }
    const beginsValue = !ENDS_VALUE.test(last) || WORDS_BEFORE_VALUE.test(last)
    if (take(TEXT) !== '' || (first === '/' && beginsValue && take(EXPRESSION) !== '')) {
      add('""')
      continue
    }
    const wasSpaced = isSpaced
    const token = take(WORD) || take(NUMBER) || take(SIGN)
    if (token === '{') braces++
    else if (token === '}') braces--
    else if (token === 'true' || token === 'false') counts.booleans++
    else if ((token === '0' || token === '1') && last === '!') counts.negatedNumbers++
    else if (SPACED_SIGNS.has(token)) {
      counts.operators++
      if (wasSpaced) counts.spacedOperators++
    }
    add(token)
  }
  return { code: tokens.join(' '), ...counts, ...countNames(tokens) }
}

/** The text without the comments and spaces that it begins with. */
export function withoutHead(text: string): string {
  let at = 0
  for (;;) {
    const pattern = /\s/.test(text.charAt(at)) ? SPACE : COMMENT
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0] ?? ''
    if (found === '') return text.slice(at)
    at += found.length
  }
}

function countNames(tokens: readonly string[]): Pick<ScriptShape, 'names' | 'shortNames' | 'moduleContents'> {
  let [names, shortNames, moduleContents] = [0, 0, 0]
  for (const [at, token] of tokens.entries()) {
    if (!/^[A-Za-z_$\x80-\xff]/.test(token) || KEYWORDS.has(token)) continue
    const [before, after] = [tokens[at - 1], tokens[at + 1]]
    if (token === 'exports' && before === '.' && tokens[at - 2] !== 'module') moduleContents++
    if (before === '.' || before === '?.' || after === ':') continue
    names++
    if (token.length <= 2) shortNames++
  }
  return { names, shortNames, moduleContents }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, htmlPage, pageHeaders } from './htmlPage.ts'

test('what people typed is escaped, what the code wrote is not', () => {
  const value = `<script>alert("1")</script>&'`
  const inner = html`<p>${value}</p>`
  assert.equal(inner.markup, '<p>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;</p>')
  assert.equal(html`<div>${inner}${[inner, inner]}${undefined}</div>`.markup, `<div>${inner.markup.repeat(3)}</div>`)
})

test('a page runs no script and loads nothing', () => {
  const page = htmlPage('Hello <you>', html`<p>x</p>`)
  assert.match(page, /<title>Hello &lt;you&gt; · Countersign<\/title>/)
  assert.doesNotMatch(page, /<script|src=|https?:/)
  const policy = pageHeaders()['content-security-policy']
  assert.match(policy ?? '', /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/)
  assert.match(
    pageHeaders(['http://localhost:1'])['content-security-policy'] ?? '',
    /form-action 'self' http:\/\/localhost:1;/,
  )
})

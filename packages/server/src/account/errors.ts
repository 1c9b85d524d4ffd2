import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', exit: 1 } as const

/** What can go wrong with tokens, issuers, people, invitations and the audit trail. */
export const accountErrors = {
  'account.token-missing': {
    ...refused,
    status: 401,
    sentence:
      'The request carries no identity token. Sign in with `countersign login`, or send the token of an accepted issuer.',
  },
  'account.token-too-large': {
    ...refused,
    status: 400,
    sentence: 'The identity token is longer than 16 KB. Send the ID token alone, nothing around it.',
  },
  'account.token-malformed': {
    ...refused,
    status: 400,
    sentence:
      'The identity token is not a signed JWT with the claims of OpenID Connect. Ask the issuer for an ID token.',
  },
  'account.token-unsigned': {
    ...refused,
    status: 400,
    sentence: 'The identity token is not signed, so it proves nothing. Ask the issuer for a signed ID token.',
  },
  'account.token-algorithm': {
    ...refused,
    status: 400,
    sentence:
      'The identity token is signed in a way that is not taken. Use an issuer that signs with ES256, RS256, PS256 or EdDSA.',
  },
  'account.token-issuer': {
    ...refused,
    status: 400,
    sentence:
      'The issuer of the identity token is not accepted here. Sign in at this server, or ask its operator to accept the issuer.',
  },
  'account.token-audience': {
    ...refused,
    status: 400,
    sentence:
      'The identity token was made for another service. Ask the issuer for a token with this server’s audience, normally `sigstore`.',
  },
  'account.token-expired': {
    ...refused,
    status: 400,
    sentence: 'The identity token has expired. Get a new one; if it is new, the clock of one of the machines is wrong.',
  },
  'account.token-not-yet-valid': {
    ...refused,
    status: 400,
    sentence:
      'The identity token is dated in the future. The clock of the issuer or of this server is wrong: compare both, then get a new token.',
  },
  'account.token-key-unknown': {
    ...refused,
    status: 400,
    sentence: 'The identity token is signed with a key that its issuer does not publish. Get a new token.',
  },
  'account.token-signature': {
    ...refused,
    status: 400,
    sentence: 'The signature of the identity token is wrong: it was altered, or made by someone else. Get a new token.',
  },
  'account.token-email-missing': {
    ...refused,
    status: 400,
    sentence: 'The identity token holds no usable e-mail address. Ask the issuer for the scopes `openid email`.',
  },
  'account.token-email-unverified': {
    ...refused,
    status: 400,
    sentence:
      'The issuer has not verified the e-mail address in the identity token. Verify the address there, then get a new token.',
  },
  'account.token-claims': {
    ...refused,
    status: 400,
    sentence:
      'The identity token lacks a claim that tokens of its issuer carry. Get the token inside the workflow that it speaks for.',
  },
  'account.token-person-removed': {
    ...refused,
    status: 403,
    sentence: 'The person of this identity token has been removed. Ask the operator for a new invitation.',
  },
  'account.issuer-unavailable': {
    kind: 'unavailable',
    exit: 2,
    status: 503,
    sentence: 'The keys of the token’s issuer cannot be fetched now. Try again.',
  },
  'account.issuer-invalid': {
    ...refused,
    status: 400,
    sentence:
      'This cannot be an outside issuer. Give its exact https:// URL without query, user or wildcard, outside this server’s own address.',
  },
  'account.issuer-exists': {
    ...refused,
    status: 409,
    sentence: 'This issuer is accepted already. Remove it first to change its kind or audience.',
  },
  'account.issuer-unknown': {
    ...refused,
    status: 404,
    sentence: 'No outside issuer with this URL is accepted here.',
  },
  'account.email-invalid': {
    ...refused,
    status: 400,
    sentence: 'This is not an e-mail address that can stand in a certificate. Give it as `name@example.org`, in ASCII.',
  },
  'account.person-unknown': {
    ...refused,
    status: 404,
    sentence: 'Nobody with this e-mail address can sign in here.',
  },
  'account.invitation-wrong': {
    ...refused,
    status: 403,
    sentence:
      'The invitation or its code is wrong, used or expired. Check the code; if it is right, ask the operator for a new invitation.',
  },
  'account.too-many-attempts': {
    ...refused,
    status: 429,
    sentence: 'Too many wrong codes came from this address. Wait a minute, then try again.',
  },
  'account.form-invalid': {
    ...refused,
    status: 400,
    sentence:
      'The form did not come from a page of this server, or cookies are off. Open the page again and send its form.',
  },
  'account.sign-in-unknown': {
    ...refused,
    status: 404,
    sentence: 'This sign-in is unknown to this browser or too old. Start again from your terminal.',
  },
  'account.page-unknown': {
    ...refused,
    status: 404,
    sentence: 'There is no such page. Open the link of your invitation again.',
  },
} as const satisfies ErrorTable

/** Makes an error of the account folder. */
export const accountError = errorMaker(accountErrors)

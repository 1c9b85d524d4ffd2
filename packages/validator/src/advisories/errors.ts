import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** What can go wrong with taking over advisories. Every one of these leaves the data as it was. */
export const advisoriesErrors = {
  'advisories.source-missing': {
    ...refused,
    sentence:
      'There is no such folder, zip file or JSON file. Check the path; it is read by the validator, not by the caller.',
  },
  'advisories.source-unreachable': {
    kind: 'unavailable',
    status: 502,
    exit: 2,
    sentence: 'The address of the advisories did not answer as expected. Try again later, or check the address.',
  },
  'advisories.source-untrusted': {
    ...refused,
    sentence:
      'The address of the advisories could not be authenticated by TLS. Check it, or add its certificate authority to the system’s.',
  },
  'advisories.plain-http': {
    ...refused,
    sentence:
      'Advisories are not fetched over plain HTTP, where anybody on the way could change them. Use an https address, or `--allow-plain-http` in a network of your own.',
  },
  'advisories.not-osv': {
    ...refused,
    sentence: 'This is not advisory data in the OSV layout. It was not taken over; the data is what it was before.',
  },
  'advisories.exploited-malformed': {
    ...refused,
    sentence:
      'This is not a whole catalogue of known exploited vulnerabilities. It was not taken over; what was known before still counts.',
  },
  'advisories.zip-malformed': {
    ...refused,
    sentence: 'The zip file is damaged, encrypted or not a zip file. It was not taken over.',
  },
  'advisories.too-large': {
    ...refused,
    status: 413,
    sentence: 'The advisory data is larger than is read here. It was not taken over; import its ecosystems one by one.',
  },
  'advisories.sample-refused': {
    ...refused,
    status: 409,
    sentence: 'This data is marked as a sample, and a production instance certifies nothing by sample data.',
  },
  'advisories.held-unknown': {
    ...refused,
    status: 404,
    sentence: 'No such change waits. List them with: countersign-validator advisories held',
  },
  'advisories.state-unknown': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A state of the advisories was asked for that does not exist.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const advisoriesError = errorMaker(advisoriesErrors)

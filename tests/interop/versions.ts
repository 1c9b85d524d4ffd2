/** The exact versions of other people's programs that judge. Everything is installed by the test itself when it is missing. */
export const versions = {
  /** Go module `github.com/sigstore/cosign/v3`. */
  cosign: 'v3.1.3',
  /** PyPI project `sigstore`. */
  sigstorePython: '4.5.1',
  /** Go module `github.com/transparency-dev/tessera`. */
  tessera: 'v1.0.4',
  /** Go module `github.com/transparency-dev/tesseract`; with all it is built from it is pinned by hash in `go/go.sum`. */
  tesseract: 'v0.1.1',
} as const

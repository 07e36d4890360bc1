import Formats
import Notes
import Testing

@testable import Remote

@Suite("Failures of a registry")
struct CauseTests {
    /// Messages of oras 1.3.3 and crane 0.20.7, and their causes.
    private static let said: [(text: ByteString, cause: RemoteCause)] = [
        (
            "Error: Get \"http://127.0.0.1:1/v2/a/tags/list\": dial tcp 127.0.0.1:1: connect: connection refused",
            .refused
        ),
        ("Error: Get \"http://a.invalid/v2/\": dial tcp: lookup a.invalid: no such host", .refused),
        ("Error: basic credential not found", .unauthorized),
        ("Error: reading tags for a: GET http://a/v2/k/tags/list?n=1000: UNAUTHORIZED: as told", .unauthorized),
        ("Error response from registry: denied: as told", .forbidden),
        ("Error: POST http://a/v2/k/blobs/uploads/: DENIED: as told", .forbidden),
        ("Error response from registry: toomanyrequests: as told", .throttled),
        ("Error response from registry: unknown: as told", .failing),
        ("Error response from registry: unavailable: as told", .failing),
        ("Error from destination registry for \"a/k:w\": unknown: as told", .failing),
        (
            "Error: reading tags for a: Get \"https://a/v2/\": tls: first record does not look like a TLS handshake; "
                + "GET http://a/v2/: unexpected status code 503 Service Unavailable", .failing
        ),
        ("Error response from registry: failed to find \"a/k:nope\": a/k:nope: not found", .notFound),
        (
            "Error response from registry: name unknown: repository name not known to registry: map[name:no/ne]",
            .notFound
        ),
        ("Error: GET http://a/v2/k/manifests/nope: MANIFEST_UNKNOWN: manifest unknown; map[Tag:nope]", .notFound),
        (
            "Error from destination oci-layout for \"g@sha256:9\": failed to ingest: copy failed: unexpected EOF",
            .damaged
        ),
        ("Error from destination oci-layout for \"g@sha256:9\": failed to ingest: mismatched digest", .damaged),
        ("Error: error writing layer: error verifying sha256 checksum after reading 3 bytes", .damaged),
        ("Error: write /s/blobs/sha256/0: no space left on device", .diskFull),
        ("Error: Get \"https://a/v2/\": tls: failed to verify certificate: x509: unknown authority", .notVerified),
        ("Error: Get \"https://a/v2/\": http: server gave HTTP response to HTTPS client", .notVerified),
        ("Error: Get \"https://a/v2/\": net/http: TLS handshake timeout", .silent),
        (
            "Error: failed to fetch: content size 100000000 exceeds MaxBytes 4194304: size exceeds limit",
            .manifestRejected
        ),
        ("Error: Get \"http://a/v2/\": EOF", .refused), ("Error: something else", .unclear), ("", .unclear),
    ]

    @Test("The output of both clients reveals the cause", arguments: said)
    func words(_ text: ByteString, _ cause: RemoteCause) { #expect(RemoteCause(saying: text) == cause) }

    @Test("Each cause has its own reason, a delay and advice")
    func rows() {
        let rows = RemoteCause.allCases.map(\.row)
        #expect(Set(rows.map(\.reason)).count == rows.count)
        #expect(rows.allSatisfy { $0.delay >= 60 && !$0.advice.isEmpty && $0.reason.area == .remote })
    }
}

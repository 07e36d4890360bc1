import Formats
import Testing

@testable import DockerfileLint

@Suite("The images that a Dockerfile names")
struct NamedImagesTests {
    private static let known: [(dockerfile: ByteString, names: [ByteString])] = [
        ("FROM scratch\nCOPY a /a", []), ("FROM debian:12\nRUN x", ["debian:12"]),
        ("from debian as a\nFROM a AS b\nFROM A\nCOPY --from=b x y\nCOPY --from=0 x y", ["debian"]),
        ("FROM --platform=$BUILDPLATFORM go:1\nCOPY --from=alpine x y", ["go:1", "alpine"]),
        ("FROM a\nRUN --mount=type=bind,from=tools,target=/t x\nRUN --mount=type=cache,target=/c y", ["a", "tools"]),
        ("FROM a\nONBUILD COPY --from=late x y", ["a", "late"]),
        ("ARG BASE=debian:12\nFROM $BASE", ["debian:12"]), ("ARG BASE=\"debian:12\"\nFROM ${BASE}", ["debian:12"]),
        ("ARG V=12\nARG BASE=debian:${V}-slim\nFROM $BASE", ["debian:12-slim"]),
        ("ARG V\nFROM debian:${V:-11}", ["debian:11"]), ("FROM debian:${W:-11}", ["debian:11"]),
        ("ARG P=$TARGETARCH\nFROM a", ["a"]), ("ARG GIVEN=x\nFROM $GIVEN", ["given:1"]),
        ("# syntax=docker/dockerfile:1\nFROM a", ["docker/dockerfile:1", "a"]),
        ("# escape=`\nFROM a", ["a"]), ("FROM a\nRUN <<EOF\nFROM b\nEOF\n", ["a"]),
        ("FROM a AS \\\n b\nFROM c@sha256:0\nCOPY --from=b x y", ["a", "c@sha256:0"]), ("FROM\ta", ["a"]),
    ]

    @Test("Read off a Dockerfile", arguments: known)
    func names(_ dockerfile: ByteString, _ names: [ByteString]) throws {
        #expect(try NamedImages(in: Dockerfile(dockerfile), arguments: ["GIVEN": "given:1"]).names == names)
    }

    @Test(
        "What only BuildKit can tell is no answer",
        arguments: [
            "FROM $BASE", "ARG BASE\nFROM $BASE", "FROM ${BASE}", "FROM ${BASE:+x}", "ARG A=b\nFROM ${A%b}c",
            "FROM", "# syntax=me/mine\nFROM a", "#syntax = example.com/docker/dockerfile\nFROM a",
            "// syntax=x\nFROM a", "#!/usr/bin/env x\nFROM a", "ARG P=$TARGETARCH\nFROM $P", "FROM a\\b",
            "FROM a\nCOPY --from=$X a b", "FROM a\nCOPY --from= a b", "\u{FEFF}FROM a",
        ] as [ByteString])
    func unclear(_ dockerfile: ByteString) {
        #expect(throws: NamedImages.Unclear.self) { try NamedImages(in: Dockerfile(dockerfile)) }
    }

    @Test("As many images as nobody has, or a word of a page, are no answer")
    func bounds() {
        func isUnclear(_ text: ByteString) -> Bool { (try? NamedImages(in: Dockerfile(text))) == nil }
        func copies(_ count: Int) -> ByteString {
            "FROM a\n" + (1..<count).map { "COPY --from=i" + ByteString(decimal: $0) + " x y\n" }.joined(separator: "")
        }
        #expect(!isUnclear(copies(16)) && isUnclear(copies(17)))
        let doubled = (1...60).map { (number: Int) -> ByteString in
            let former: ByteString = "$A" + ByteString(decimal: number - 1)
            return "ARG A" + ByteString(decimal: number) + "=" + former + former + "\n"
        }
        #expect(isUnclear("ARG A0=aaaa\n" + doubled.joined(separator: "") + "FROM $A60"))
        let long = ByteString([UInt8](repeating: UInt8(ascii: "a"), count: 1100))
        #expect(isUnclear("FROM " + long) && isUnclear("FROM a\nCOPY --from=" + long + " x y"))
        #expect(isUnclear("FROM a\nRUN --mount=type=bind,source=" + long + " x") && isUnclear("RUN x") && isUnclear(""))
    }
}

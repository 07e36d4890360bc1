import BuildCache
import Formats
import TestSupport
import Testing

@testable import Shim

@Suite("The images that a build uses")
struct BuildImagesTests {
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
        let images = Result { () throws(BuildImages.Unclear) in
            try BuildImages(dockerfile: dockerfile, arguments: ["GIVEN": "given:1"]).names
        }
        #expect(try images.get() == names)
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
        #expect(throws: BuildImages.Unclear.self) { try BuildImages(dockerfile: dockerfile) }
    }

    @Test("Of a build: its own Dockerfile and named contexts, and nothing that is not a file here")
    func build() throws {
        let folder = try TemporaryFolder()
        try folder.write("Dockerfile", "FROM base\nCOPY --from=files x y\nCOPY --from=other:latest x y")
        try folder.write("else", "FROM $WHICH")
        var build = BuildDescription(context: .directory(folder.path), workingDirectory: folder.path)
        func names(_ contexts: ByteString...) throws -> [ByteString] {
            try BuildImages(of: build, contexts: contexts).names
        }
        #expect(try names() == ["base", "files", "other:latest"])
        #expect(try names("Files=./x", "base=docker-image://real:2", "other:latest=x") == ["real:2"])
        build.dockerfile = folder["else"]
        build.arguments = ["WHICH=one"]
        #expect(try names() == ["one"])
        for odd in ["-", "https://example.com/Dockerfile", folder["missing"], folder.path] as [ByteString] {
            build.dockerfile = odd
            #expect(throws: BuildImages.Unclear.self) { try names() }
        }
        build.dockerfile = nil
        build.context = .remote("https://example.com/a.git")
        #expect(throws: BuildImages.Unclear.self) { try names() }
        build.context = .standardInput
        #expect(throws: BuildImages.Unclear.self) { try names() }
    }
}

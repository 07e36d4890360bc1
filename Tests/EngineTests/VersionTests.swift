import Formats
import Host
import TestSupport
import Testing

@testable import Engine

@Suite("Versions") struct VersionTests {
    @Test(
        "The leading numbers are taken",
        arguments: [
            ("28.5.2+dfsg4", 28, 5), ("v0.29.1", 0, 29), ("0.13.1+ds1-3+b1", 0, 13), ("28", 28, 0), ("24.0", 24, 0),
            ("29.0.0-rc.1", 29, 0), ("20.10.24", 20, 10), ("0.9~rc1", 0, 9), ("v1.2.3-4-gabcdef", 1, 2),
            ("999999.999999", 999_999, 999_999),
        ] as [(ByteString, Int, Int)])
    func numbers(text: ByteString, major: Int, minor: Int) {
        #expect(Version(parsing: text) == Version(major, minor))
    }

    @Test(
        "No numbers, no version",
        arguments: [
            "", "v", "dev", "28.", "28.x", ".5", "master-dockerproject-2026-01-01", "7d8b5e2", "99999999999999999999.1",
            "1234567", "+1.2", "-1.2", "28 .1", "unknown",
        ] as [ByteString])
    func none(text: ByteString) { #expect(Version(parsing: text) == nil) }

    @Test("A docker from snap is below /snap, or a link to snap itself")
    func snap() throws {
        let folder = try TemporaryFolder()
        try folder.write("usr/bin/snap", "")
        try folder.write("usr/bin/docker", "")
        try Files.makeLink(folder["linked"], to: folder["usr/bin/snap"])
        #expect(DockerProgram.isSnap("/snap/bin/docker") && DockerProgram.isSnap(folder["linked"]))
        #expect(!DockerProgram.isSnap(folder["usr/bin/docker"]) && !DockerProgram.isSnap(folder["none"]))
        #expect(!DockerProgram.isSnap("/snapshots/docker"))
    }

    @Test("Both numbers count, as numbers") func order() {
        #expect(Version(0, 9) < Version(0, 13))
        #expect(Version(0, 29) < Version(1, 0))
        #expect(Version(23, 0) >= Version(23, 0))
        #expect(Version(28, 5).text == "28.5")
    }

    @Test(
        "What `docker --version` prints",
        arguments: [
            ("Docker version 28.2.2, build e6534b4\n", .docker(Version(28, 2))),
            ("Docker version 28.5.2+dfsg4, build 28.5.2+dfsg4-1\n", .docker(Version(28, 5))),
            ("a plugin's warning\nDocker version 20.10.24+dfsg1, build 297e128\n", .docker(Version(20, 10))),
            ("podman version 4.9.3\n", .podman),
            ("nerdctl version 1.7.6\n", .unknown), ("Docker version dev, build x\n", .unknown),
            ("Docker version 28.2.2", .unknown), ("", .unknown), ("\u{0}\u{FF}", .unknown),
        ] as [(ByteString, DockerProgram)])
    func docker(text: ByteString, program: DockerProgram) { #expect(DockerProgram(printed: text) == program) }

    @Test(
        "What `docker-buildx docker-cli-plugin-metadata` prints",
        arguments: [
            (#"{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"v0.29.1"}"#, .plugin(Version(0, 29))),
            (#"{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"0.13.1+ds1-3+b1"}"#, .plugin(Version(0, 13))),
            (#"{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"7d8b5e2"}"#, .plugin(nil)),
            (#"{"SchemaVersion":"0.1.0","Vendor":"Docker Inc."}"#, .plugin(nil)),
            (#"{"SchemaVersion":"0.1.0","Vendor":"","Version":"v0.29.1"}"#, .broken),
            (#"{"SchemaVersion":"2.0.0","Vendor":"Docker Inc.","Version":"v0.29.1"}"#, .broken),
            (#"{"Vendor":"Docker Inc.","Version":"v0.29.1"}"#, .broken),
            (#"{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":3}"#, .broken),
            (#"{"SchemaVersion":"0.1.0","#, .broken), ("", .broken), ("[]", .broken),
        ] as [(ByteString, BuildxProgram)])
    func buildx(text: ByteString, program: BuildxProgram) { #expect(BuildxProgram(metadata: text) == program) }
}

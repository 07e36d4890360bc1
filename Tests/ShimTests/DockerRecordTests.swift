import Formats
import Glibc
import TestSupport
import Testing

@testable import Host
@testable import Shim

@Suite("The docker recorded by the installer")
struct DockerRecordTests {
    private let folder: TemporaryFolder
    private let docker: ByteString
    private let record: ByteString

    init() throws {
        folder = try TemporaryFolder()
        docker = try folder.write("there/docker", "\u{7F}ELF", mode: 0o755)
        record = try folder.write("prefix/lib/slipway/real-docker", "# Slipway: a record\n" + docker + "\n")
    }

    @Test("The record is beside the shim and below the prefix of slipway; other programs have none")
    func place() {
        #expect(DockerRecord.path(for: "/usr/local/lib/slipway/shims/docker") == "/usr/local/lib/slipway/real-docker")
        #expect(DockerRecord.path(for: "/usr/local/bin/slipway") == "/usr/local/lib/slipway/real-docker")
        let others: [ByteString] = [
            "/usr/local/bin/docker", "/shims/docker", "docker", "", "/usr/local/lib/slipway/shims/docker (deleted)",
        ]
        for other in others { #expect(DockerRecord.path(for: other) == nil) }
    }

    @Test("The docker that a record names is used")
    func believed() throws {
        #expect(DockerRecord.read(record) == .docker(Program(path: docker, isScript: false)))
        #expect(DockerRecord.read(nil) == .missing)
        #expect(DockerRecord.read(folder["prefix/lib/slipway/other"]) == .missing)
        // A link to docker, as package managers make it.
        try Files.makeLink(folder["link"], to: docker)
        try folder.write("prefix/lib/slipway/real-docker", folder["link"] + "\n")
        #expect(DockerRecord.read(record) == .docker(Program(path: folder["link"], isScript: false)))
    }

    @Test("A missing docker, a shim, a relative path and nonsense are not used")
    func gone() throws {
        try folder.write("shim/docker", "\u{7F}ELF SLIPWAY-SHIM", mode: 0o755)
        try folder.write("plain/docker", "\u{7F}ELF", mode: 0o644)
        for name in ["shim/docker", "plain/docker", "nowhere", "there"] as [ByteString] {
            try folder.write("prefix/lib/slipway/real-docker", folder[name] + "\n")
            #expect(DockerRecord.read(record) == .gone(folder[name]))
        }
        for text in ["", "docker\n", "./docker\n", "# only\n", "\0"] as [ByteString] {
            try folder.write("prefix/lib/slipway/real-docker", text)
            #expect(DockerRecord.read(record) == .gone(record))
        }
    }

    @Test("Neither a record that another user could have written is used, nor a docker that they could replace")
    func foreign() throws {
        func expectDistrust(_ path: ByteString, _ change: () throws -> Void, back: () throws -> Void) rethrows {
            try change()
            #expect(DockerRecord.read(record) == .notTrusted(path))
            try back()
            #expect(DockerRecord.read(record) == .docker(Program(path: docker, isScript: false)))
        }
        for name in ["prefix/lib/slipway/real-docker", "prefix/lib/slipway", "prefix"] as [ByteString] {
            expectDistrust(record, { chmod(folder[name].lossy, 0o777) }, back: { chmod(folder[name].lossy, 0o755) })
        }
        for name in ["there/docker", "there"] as [ByteString] {
            expectDistrust(docker, { chmod(folder[name].lossy, 0o777) }, back: { chmod(folder[name].lossy, 0o755) })
        }
        if Kernel.userID == 0 {
            for name in ["prefix/lib/slipway/real-docker", "prefix/lib/slipway"] as [ByteString] {
                expectDistrust(
                    record, { chown(folder[name].lossy, 1001, 1001) }, back: { chown(folder[name].lossy, 0, 0) })
            }
            for name in ["there/docker", "there"] as [ByteString] {
                expectDistrust(
                    docker, { chown(folder[name].lossy, 1001, 1001) }, back: { chown(folder[name].lossy, 0, 0) })
            }
        }
        // In a sticky folder others can add names, but not replace any.
        chmod(folder["there"].lossy, 0o1777)
        #expect(DockerRecord.read(record) == .docker(Program(path: docker, isScript: false)))
    }

    @Test("A link, a pipe or a large file in place of the record is not read")
    func odd() throws {
        let elsewhere = try folder.write("elsewhere", docker + "\n")
        try Files.remove(record)
        try Files.makeLink(record, to: elsewhere)
        #expect(DockerRecord.read(record) == .notTrusted(record))
        try Files.remove(record)
        mkfifo(record.lossy, 0o644)
        #expect(DockerRecord.read(record) == .notTrusted(record))
        try Files.remove(record)
        try folder.write("prefix/lib/slipway/real-docker", ByteString("#").repeated(9000) + "\n" + docker + "\n")
        #expect(DockerRecord.read(record) == .notTrusted(record))
    }
}

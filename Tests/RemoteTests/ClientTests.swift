import BuildCache
import Formats
import Host
import Planning
import TestSupport
import Testing

@testable import Remote

@Suite("A registry's client")
struct ClientTests {
    /// A client that is a shell script.
    private func client(_ script: ByteString, in folder: TemporaryFolder) throws -> RemoteClient {
        RemoteClient(
            path: try folder.write(script: script, to: "oras"), version: "", dialect: RemoteClient.oras,
            isInsecure: false)
    }

    private func cause(_ body: () throws -> Void) -> RemoteCause? {
        do {
            try body()
            return nil
        } catch {
            return (error as? RemoteFailure)?.cause
        }
    }

    @Test("Only valid tags, each once; a missing repository has none")
    func tags() throws {
        let folder = try TemporaryFolder()
        #expect(try client("printf 'a\\n-x\\nb/c\\na\\nd.e_f-1\\n'", in: folder).tags(of: "r") == ["a", "d.e_f-1"])
        #expect(
            try client("echo 'Error response from registry: name unknown: x' >&2; exit 1", in: folder).tags(of: "r")
                == [])
    }

    @Test("An endless list is given up, and so is one with more tags than writers can have made")
    func endless() throws {
        let folder = try TemporaryFolder()
        #expect(cause { _ = try client("yes tag", in: folder).tags(of: "r") } == .tooManyTags)
        #expect(cause { _ = try client("seq 1 300", in: folder).tags(of: "r") } == .tooManyTags)
    }

    @Test("A manifest has a size limit, and a missing one is not a failure")
    func manifests() throws {
        let folder = try TemporaryFolder()
        #expect(try client("printf '{}'", in: folder).manifest("r:t", most: 10) == "{}")
        #expect(try client("echo 'Error: r:t: not found' >&2; exit 1", in: folder).manifest("r:t", most: 10) == nil)
        #expect(
            cause { _ = try client("head -c 3000000 /dev/zero", in: folder).manifest("r:t", most: 10) }
                == .manifestRejected)
    }

    @Test("A copy that brings more than announced is ended, with everything that it started")
    func overflow() throws {
        let folder = try TemporaryFolder()
        let start = Clock.monotonic
        #expect(
            cause {
                try client("sleep 300 & sleep 300", in: folder).fetch("sha256:0", of: "r", into: "/l", bytes: 10) {
                    50 << 20
                }
            } == .damaged)
        #expect(Clock.monotonic - start < 10_000_000_000)
    }

    @Test("It is found at the setting's path, or on PATH, and must be new enough")
    func finding() throws {
        let folder = try TemporaryFolder()
        _ = try client("echo 'Version:    0.16.0'", in: folder)
        var settings = RemoteSettings()
        settings.client = folder["oras"]
        #expect(cause { _ = try RemoteClient.find(settings) } == .clientTooOld)
        _ = try client("echo 'Version:    1.3.3'", in: folder)
        #expect(try RemoteClient.find(settings).version == "1.3.3")
        settings.client = folder["nonesuch"]
        #expect(cause { _ = try RemoteClient.find(settings) } == .clientMissing)
    }

    @Test("A key's name becomes one that registries accept")
    func names() {
        for (name, wanted): (ByteString, ByteString) in [
            ("app-0123456789abcdef", "app-0123456789abcdef"), ("_a..b__-c.-0123", "a-b-c-0123"), ("x-01", "x-01"),
        ] {
            #expect(Replication.component(name) == wanted)
            #expect(RemoteSettings.isComponent(wanted))
        }
    }
}

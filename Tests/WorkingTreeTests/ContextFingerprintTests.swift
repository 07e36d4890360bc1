import Formats
import Glibc
import Host
import TestSupport
import Testing

@testable import WorkingTree

@Suite("Fingerprints of contexts")
struct ContextFingerprintTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("app/Dockerfile", "FROM x\n")
        try folder.write("app/.dockerignore", "*.log\nlogs\n!logs/kept\n")
        try folder.write("app/src/a", "a\n")
        try folder.write("app/logs/kept", "k\n")
        try folder.write("app/.git/HEAD", "ref\n")
        try Files.makeLink(folder["app/src/link"], to: "a")
    }

    private func fingerprint(until deadline: Deadline = .never) -> ContextFingerprint? {
        let root = folder["app"]
        let dockerfile = root.appending(path: "Dockerfile")
        return ContextFingerprint(
            of: root, ignoreFile: ContextSurvey.ignoreFile(of: root, dockerfile: dockerfile), besides: [dockerfile],
            until: deadline)
    }

    @Test("The same for the same tree, whatever is left out")
    func same() throws {
        let first = try #require(fingerprint())
        #expect(fingerprint() == first)
        try folder.write("app/noise.log", "x")
        try folder.write("app/logs/other", "x")
        #expect(fingerprint()?.digest == first.digest)
    }

    private enum Change: CaseIterable {
        case content, time, mode, link, newFile, gone, newFolder, folderMode, exception, git, replaced, dockerfile
    }

    @Test("Every change to what is sent is noticed", arguments: Change.allCases)
    private func noticed(_ change: Change) throws {
        let before = try #require(fingerprint())
        let file = folder["app/src/a"]
        let time = try Files.status(file).modified
        // One kernel tick later: changes within a tick do not show in the times.
        usleep(30_000)
        switch change {
        case .content:
            try folder.write("app/src/a", "b\n")
            try Files.setModified(file, time)
        case .time: try Files.setModified(file, 1_000_000_000)
        case .mode: chmod(folder["app/src/a"].lossy, 0o600)
        case .link:
            try Files.remove(folder["app/src/link"])
            try Files.makeLink(folder["app/src/link"], to: "b")
        case .newFile: try folder.write("app/src/c", "")
        case .gone: try Files.remove(file)
        case .newFolder: try Files.makeDirectory(folder["app/src/empty"], mode: 0o755)
        case .folderMode: chmod(folder["app/src"].lossy, 0o700)
        case .exception: try folder.write("app/logs/kept", "K\n")
        case .git: try folder.write("app/.git/HEAD", "REF\n")
        case .replaced:
            try folder.write("app/src/new", "a\n")
            try Files.rename(folder["app/src/new"], to: file)
            try Files.setModified(file, time)
        case .dockerfile: try folder.write("app/Dockerfile", "FROM y\n")
        }
        #expect(try #require(fingerprint()).digest != before.digest)
    }

    @Test("There is none without time for everything, or if something cannot be read")
    func cut() throws {
        #expect(fingerprint(until: Deadline { true }) == nil)
        try Files.remove(folder["app/Dockerfile"])
        #expect(fingerprint() == nil)
    }

    @Test("A change at this very moment could go unnoticed")
    func settled() throws {
        let now = Clock.now
        let seen = try #require(fingerprint())
        #expect(seen.changed <= now)
        #expect(!seen.isSettled(at: seen.changed + 1_000_000))
        #expect(seen.isSettled(at: seen.changed + 1_000_000_000))
    }
}

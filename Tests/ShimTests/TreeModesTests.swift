import Formats
import Glibc
import Host
import Notes
import Planning
import TestSupport
import Testing

@testable import Shim

@Suite("Modes before a build", .enabled(if: RealGit.program != nil, "git is not installed"))
struct TreeModesTests {
    private let folder: TemporaryFolder

    /// "team" is like a clone made with umask 0002, "app" like one with 0022.
    init() throws {
        folder = try TemporaryFolder()
        let git = RealGit(folder)
        for (name, mode): (ByteString, UInt32) in [("team", 0o664), ("app", 0o644)] {
            try git("init", "-q", name)
            try folder.write(name + "/sub/file", "text\n", mode: mode)
            try git("add", "--all", in: name)
        }
        #expect(chmod(folder["team/sub"].lossy, 0o775) == 0)
    }

    private func look(
        _ names: [ByteString?], _ mode: Settings.Modes, _ purpose: Decision.Purpose, time: Int64 = 3_600_000_000_000
    ) -> [TreeModes.Finding?] {
        var settings = Settings()
        settings.modes = mode
        return TreeModes.look(
            around: names.map { name in name.map { folder[$0] } }, settings, purpose,
            within: Budget(nanoseconds: time))
    }

    @Test("Each build gets the difference of the repository around its context, and one without a repository gets none")
    func report() throws {
        let found = look(["team", "app", nil, "team/sub", "none", "."], .report, .acting)
        #expect(found.map { $0?.difference } == ["2", nil, nil, "2", nil, nil])
        #expect(found.map { $0?.note?.reason } == [.modesDiffer, nil, nil, .modesDiffer, nil, nil])
        #expect(found[0]?.note?.detail == "2 in " + folder["team"])
        #expect(look(["team"], .off, .acting).map { $0?.note?.reason } == [nil])
    }

    @Test("Without time nothing is examined or fixed, and a note says so", arguments: [Settings.Modes.report, .fix])
    func timeSpent(mode: Settings.Modes) throws {
        let found = look(["team", nil], mode, .acting, time: 0)
        #expect(found.map { $0?.note?.reason } == [.modesNotRead, nil])
        #expect(try Files.status(folder["team/sub/file"]).mode == 0o664)
    }

    @Test("Modes are fixed once, and never by `explain`")
    func fixing() throws {
        #expect(look(["team"], .fix, .showing).map { $0?.note?.reason } == [.modesDiffer])
        let found = look(["team", "team/sub"], .fix, .acting)
        #expect(found.map { $0?.note?.reason } == [.modesFixed, .modesFixed])
        #expect(found.map { $0?.difference } == [nil, nil])
        #expect(look(["team"], .fix, .acting).map { $0?.note?.reason } == [nil])
        // A file with another name keeps its mode, so the tree differs from git's modes.
        try Files.makeHardLink(folder["other"], to: folder["team/sub/file"])
        #expect(chmod(folder["other"].lossy, 0o664) == 0)
        let left = look(["team"], .fix, .acting)
        #expect(left.map { $0?.note?.reason } == [.modesNotFixed])
        #expect(left.map { $0?.difference } == ["2"])
    }

    @Test("A file with several names is not fixed, and a note says so")
    func hardLinks() throws {
        try Files.makeHardLink(folder["theirs"], to: folder["team/sub/file"])
        let found = look(["team"], .fix, .acting)
        #expect(found.map { $0?.note?.reason } == [.modesNotFixed])
        #expect(found[0]?.note?.detail == "1 in " + folder["team"] + ", as sub/file (Too many links)")
        #expect(try Files.status(folder["theirs"]).mode == 0o664)
        #expect(try Files.status(folder["team/sub"]).mode == 0o755)
    }
}

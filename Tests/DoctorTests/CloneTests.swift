import CLinux
import Formats
import Glibc
import Host
import TestSupport
import Testing

@testable import Doctor

@Suite("What makes clones miss, judged")
struct CloneJudgeTests {
    @Test("The umask is reported everywhere")
    func umask() {
        #expect(CloneFacts(mask: 0o022).findings().checks == [.cloneInOrder])
        #expect(CloneFacts(mask: 0o002).findings() == [Finding(.umaskUnusual, "0002")])
        #expect(CloneFacts(mask: 0o077, top: "/r").findings().checks == [.umaskUnusual])
    }

    @Test(
        "core.sharedRepository",
        arguments: [("", false), ("umask", false), ("false", false), ("group", true), ("0660", true), ("all", true)]
            as [(ByteString, Bool)])
    func sharing(_ value: ByteString, _ isReported: Bool) {
        let findings = CloneFacts(top: "/r", sharing: value).findings()
        #expect(findings.checks == [isReported ? .sharedRepository : .cloneInOrder])
    }

    @Test("Without an index the rest is still reported")
    func withoutIndex() {
        let findings = CloneFacts(top: "/r", obstacle: "why", hasDefaultACL: true).findings()
        #expect(findings == [Finding(.defaultACL, "/r", path: "/r"), Finding(.cloneNotRead, "/r: why")])
    }
}

extension Programs {
    @Suite("A clone on the disk", .enabled(if: ProcessContext.isProgram("/usr/bin/git"))) struct CloneTests {
        let folder: TemporaryFolder
        let context: ProcessContext

        init() throws {
            folder = try TemporaryFolder()
            var context = ProcessContext.test(folder, "GIT_CONFIG_NOSYSTEM=1")
            context.directory = try folder.makeFolder("r/sub")
            self.context = context
            try git("init", "-q", folder["r"])
            try folder.write("r/sub/file", "x")
            try folder.write("r/sub/deep/er/program", "x", mode: 0o755)
            try Files.makeLink(folder["r/link"], to: "/nowhere")
            try git("-C", folder["r"], "add", ".")
        }

        private func git(_ words: ByteString...) throws {
            let answer = try Execution.ask(
                "/usr/bin/git", arguments: ["git"] + words, environment: .entries(context.environment),
                nanoseconds: 60_000_000_000, limit: 65_536)
            try #require(answer.exitCode == 0)
        }

        private func findings() -> [Finding] { CloneFacts.gather(context).findings() }

        @Test("A clone made by git is in order") func fine() {
            #expect(findings().details(.cloneInOrder) == ["umask 0022, 2 tracked files of " + folder["r"]])
            var outside = context
            outside.directory = folder.path
            #expect(CloneFacts.gather(outside).findings().details(.cloneInOrder) == ["umask 0022, no repository"])
        }

        @Test("Modes of tracked files and of their directories; untracked files do not matter") func modes()
            throws
        {
            try folder.write("r/untracked", "x", mode: 0o600)
            try folder.makeFolder("r/odd", mode: 0o700)
            #expect(findings().checks == [.cloneInOrder])
            #expect(chmod(folder["r/sub/file"].lossy, 0o664) == 0)
            #expect(chmod(folder["r/sub/deep"].lossy, 0o775) == 0)
            let findings = findings()
            #expect(findings.checks == [.fileModesDiffer, .directoryModesDiffer])
            #expect(findings.map(\.detail) == ["1 of them: sub/file", "1 of them: sub/deep"])
            #expect(CloneFacts.gather(context).oddFiles == ["sub/file"])
        }

        @Test("Fixes for modes and for the setgid bit") func fixed() throws {
            try git("-C", folder["r"], "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x")
            #expect(chmod(folder["r/sub/file"].lossy, 0o664) == 0)
            #expect(chmod(folder["r/sub/deep/er/program"].lossy, 0o700) == 0)
            #expect(chmod(folder["r/sub/deep"].lossy, 0o2775) == 0)
            let found = findings()
            #expect(found.checks == [.setgidDirectories, .fileModesDiffer, .directoryModesDiffer])
            #expect(found.dropFirst().allSatisfy { $0.fix == "slipway modes --fix " + folder["r"] })
            let answer = try Execution.ask(
                "/bin/sh", arguments: ["sh", "-c", found[0].fix], environment: .entries(context.environment),
                nanoseconds: 60_000_000_000, limit: 65_536)
            #expect(answer.exitCode == 0)
            #expect(findings().checks == [.fileModesDiffer, .directoryModesDiffer])
        }

        @Test("git's own settings") func settings() throws {
            try git("-C", folder["r"], "config", "core.fileMode", "No")
            try git("-C", folder["r"], "config", "core.sharedRepository", "group")
            let found = findings()
            #expect(found.checks == [.fileModeIgnored, .sharedRepository])
            #expect(found.details(.sharedRepository) == ["group"])
        }

        @Test("A default ACL") func acl() throws {
            // Version 2; owner rwx, group r-x, others r-x. Source: linux/posix_acl_xattr.h.
            let none: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
            let acl: [UInt8] = [2, 0, 0, 0] + [1, 0, 7, 0] + none + [4, 0, 5, 0] + none + [0x20, 0, 5, 0] + none
            let isSet = setxattr(folder["r"].lossy, "system.posix_acl_default", acl, acl.count, 0) == 0
            #expect(findings().checks == [isSet ? .defaultACL : .cloneInOrder])
        }

        @Test("A repository with an invalid index") func unread() throws {
            try folder.write("r/.git/index", "x")
            #expect(findings().checks == [.cloneNotRead])
        }
    }
}

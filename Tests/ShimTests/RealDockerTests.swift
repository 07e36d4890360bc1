import Formats
import Glibc
import Planning
import TestSupport
import Testing

@testable import Host
@testable import Shim

@Suite("The real docker and its environment")
struct RealDockerTests {
    @Test(
        "A script is recorded while it runs, and a program finds no trace of it",
        arguments: [
            (nil, false, []), (nil, true, ["SLIPWAY_PASSED=/d"]), ("", true, ["SLIPWAY_PASSED=:/d"]),
            ("/a:/b", true, ["SLIPWAY_PASSED=/a:/b:/d"]), ("/a", false, []),
        ] as [(String?, Bool, [String])])
    func changes(_ passed: String?, _ isScript: Bool, _ expected: [String]) async {
        await #expect(processExitsWith: .success) { [passed, isScript, expected] in
            unsetenv("SLIPWAY_PASSED")
            if let passed { setenv("SLIPWAY_PASSED", passed, 1) }
            let changes = RealDocker.changes(for: Program(path: "/d", isScript: isScript))
            let environment = EnvironmentChange.apply(changes, to: Kernel.environment)
            #expect(environment.filter { $0.hasPrefix("SLIPWAY_PASSED") }.map(\.lossy) == expected)
            #expect(changes.isEmpty == (passed == nil && !isScript))
        }
    }

    @Test("The docker that is named, unless it is missing or a shim; otherwise the next on PATH; no script twice")
    func finding() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            let named = try folder.write("named/other", "\u{7F}ELF", mode: 0o755)
            let shim = try folder.write("shim/docker", "\u{7F}ELF SLIPWAY-SHIM", mode: 0o755)
            let script = try folder.write(script: "exec docker", to: "script/docker")
            let real = try folder.write("real/docker", "\u{7F}ELF", mode: 0o755)
            let search = [shim, script, real].map(\.parentPath).joined(separator: ":")
            setenv("PATH", search.lossy, 1)
            #expect(RealDocker.find() == Program(path: script, isScript: true))
            setenv("SLIPWAY_PASSED", "/x:" + script.lossy, 1)
            #expect(RealDocker.find() == Program(path: real, isScript: false))
            for (choice, found) in [(named, named), (shim, real), (folder["missing"], real), ("relative", real)] {
                setenv("SLIPWAY_DOCKER", choice.lossy, 1)
                #expect(RealDocker.find()?.path == found)
            }
            unsetenv("SLIPWAY_DOCKER")
            try folder.write(".config/slipway/slipway.conf", "docker = " + named)
            #expect(RealDocker.find()?.path == named)
            try folder.remove(".config")
            setenv("PATH", folder["shim"].lossy, 1)
            #expect(RealDocker.find(record: { nil }, folders: "") == nil)
        }
    }

    @Test(
        "If PATH leads to no docker: the recorded one, or one in the usual directories, or none",
        arguments: [nil, "", ":", ".", "bin:", "/nowhere", "@shim", "@plain"] as [String?])
    func withoutPath(_ path: String?) async {
        await #expect(processExitsWith: .success) { [path = path as String?] in
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write("shim/docker", "\u{7F}ELF SLIPWAY-SHIM", mode: 0o755)
            try folder.write("plain/docker", "\u{7F}ELF", mode: 0o644)
            let recorded = try folder.write("recorded/docker", "\u{7F}ELF", mode: 0o755)
            let usual = try folder.write("usual/docker", "\u{7F}ELF", mode: 0o755)
            // A relative entry of PATH would find these.
            for name in ["docker", "bin/docker"] as [ByteString] { try folder.write(name, "\u{7F}ELF", mode: 0o755) }
            chdir(folder.path.lossy)
            if let path {
                setenv("PATH", path.hasPrefix("@") ? folder[ByteString(path).dropFirst(1)].lossy : path, 1)
            } else {
                unsetenv("PATH")
            }
            let record = try folder.write("prefix/lib/slipway/real-docker", "# Slipway\n" + recorded + "\n")
            let folders = folder["shim"] + ":" + usual.parentPath
            #expect(RealDocker.find(record: { record }, folders: folders)?.path == recorded)
            #expect(RealDocker.find(record: { nil }, folders: folders)?.path == usual)
            #expect(RealDocker.find(record: { nil }, folders: folder["shim"]) == nil)
            setenv("SLIPWAY_PASSED", recorded.lossy, 1)
            try folder.write(script: "exec docker", to: "recorded/docker")
            #expect(RealDocker.find(record: { record }, folders: folders)?.path == usual)
            unsetenv("SLIPWAY_PASSED")
            try folder.remove("recorded/docker")
            #expect(RealDocker.find(record: { record }, folders: folders)?.path == usual)
            setenv("PATH", usual.parentPath.lossy, 1)
            try folder.write("recorded/docker", "\u{7F}ELF", mode: 0o755)
            #expect(RealDocker.find(record: { record }, folders: "")?.path == usual)
        }
    }
}

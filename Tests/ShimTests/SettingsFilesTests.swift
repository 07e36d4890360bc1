import Formats
import Glibc
import Host
import Notes
import Planning
import TestSupport
import Testing

@testable import Shim

/// Makes a folder the home of this process, which must belong to one test alone: all tests in a process share its
/// environment.
func liveIn(_ folder: TemporaryFolder) {
    for entry in Kernel.environment {
        guard let name = entry.cut(at: "=")?.before else { continue }
        if name.hasPrefix("SLIPWAY") || name.hasPrefix("XDG_") { unsetenv(name.lossy) }
    }
    setenv("HOME", folder.path.lossy, 1)
}

// /etc/slipway/slipway.conf belongs to the machine: no expectation depends on its content.
@Suite("Settings files and their owners")
struct SettingsFilesTests {
    private static let file: ByteString = ".config/slipway/slipway.conf"

    @Test("The user's own file, and then the environment")
    func own() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.file, "store = /from/file\ndocker = /bin/from-file\nnonsense\n", mode: 0o600)
            setenv("SLIPWAY_STORE", "/from/environment", 1)
            setenv("SLIPWAY_JOURNAL", "maybe", 1)
            let loaded = LoadedSettings.load()
            #expect(loaded.settings.store == "/from/environment")
            #expect(loaded.settings.docker == "/bin/from-file")
            #expect(loaded.unread.isEmpty)
            let texts = loaded.problems.map(\.text)
            #expect(texts.contains(folder[Self.file] + ":3: expected `key = value`"))
            #expect(texts.contains { $0.hasPrefix("environment: bad value for SLIPWAY_JOURNAL") })
            #expect(Locations.mayHaveSettings)
        }
    }

    @Test("XDG_CONFIG_HOME is used if it is absolute, otherwise HOME", arguments: ["/xdg", "xdg", ""])
    func places(_ xdg: String) async {
        await #expect(processExitsWith: .success) { [xdg] in
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.file, "store = /home")
            try folder.write("xdg/slipway/slipway.conf", "store = /xdg")
            chdir(folder.path.lossy)
            setenv("XDG_CONFIG_HOME", xdg.hasPrefix("/") ? folder["xdg"].lossy : xdg, 1)
            #expect(LoadedSettings.load().settings.store == (xdg.hasPrefix("/") ? "/xdg" : "/home"))
            #expect(Locations.mayHaveSettings)
        }
    }

    @Test(
        "Nothing is read from the working directory, nor below a HOME that is none", arguments: [".", "", "relative"])
    func workingDirectory(_ home: String) async {
        await #expect(processExitsWith: .success) { [home] in
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.file, "store = /never")
            try folder.write("slipway.conf", "store = /never")
            try folder.write("relative/.config/slipway/slipway.conf", "store = /never")
            chdir(folder.path.lossy)
            setenv("HOME", home, 1)
            #expect(LoadedSettings.load().settings.store != "/never")
            unsetenv("HOME")
            #expect(LoadedSettings.load().settings.store != "/never")
            #expect(Locations.state == nil)
        }
    }

    @Test(
        "A file that others can write is not read, and a note says so",
        arguments: [0o666, 0o660, 0o602, 0o620, 0o777])
    func writable(_ mode: UInt32) async {
        await #expect(processExitsWith: .success) { [mode] in
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.file, "store = /never\ndocker = /never", mode: mode)
            let loaded = LoadedSettings.load()
            #expect(loaded.settings.store != "/never")
            #expect(loaded.unread.contains(.init(path: folder[Self.file])))
            #expect(LoadedSettings.docker() != "/never")
        }
    }

    // Root can change the owner; for any other user, the expected owner is changed instead.
    @Test("A file or a HOME of another user is not read")
    func foreign() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.file, "store = /never")
            if geteuid() == 0 {
                chown(folder[Self.file].lossy, 54_321, 54_321)
                let loaded = LoadedSettings.load()
                #expect(loaded.settings.store != "/never")
                #expect(loaded.unread.map(\.note.reason) == [.settingsNotTrusted])
                chown(folder[Self.file].lossy, 0, 0)
                #expect(LoadedSettings.load().settings.store == "/never")
                chown(folder.path.lossy, 54_321, 54_321)
            } else {
                setenv("HOME", "/", 1)
            }
            #expect(LoadedSettings.load().settings.store != "/never")
            #expect(Locations.state == nil)
        }
    }

    @Test("Something other than a file, or a file that is too long", arguments: ["directory", "fifo", "long", "loop"])
    func odd(_ kind: String) async {
        await #expect(processExitsWith: .success) { [kind] in
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.makeFolder(Self.file.parentPath)
            let path = folder[Self.file]
            switch kind {
            case "directory": try Files.makeDirectory(path, mode: 0o755)
            case "fifo": mkfifo(path.lossy, 0o600)
            case "long": try folder.write(Self.file, ByteString("#").repeated(65_537))
            default: try Files.makeLink(path, to: path)
            }
            let loaded = LoadedSettings.load()
            #expect(loaded.unread.map(\.note.reason) == [.settingsNotTrusted])
            #expect(loaded.problems.isEmpty)
        }
    }

    @Test("A link to the user's own file is followed, and a missing file causes no note")
    func links() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            #expect(LoadedSettings.load().unread.isEmpty)
            try folder.write("dotfiles/slipway.conf", "store = /linked")
            try folder.makeFolder(Self.file.parentPath)
            try Files.makeLink(folder[Self.file], to: "../../dotfiles/slipway.conf")
            #expect(LoadedSettings.load().settings.store == "/linked")
        }
    }

    @Test("The real docker by name: the one in the environment if it is absolute, otherwise the one in the file")
    func docker() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            liveIn(folder)
            try folder.write(Self.file, "docker = /from/file")
            #expect(LoadedSettings.docker() == "/from/file")
            setenv("SLIPWAY_DOCKER", "relative", 1)
            #expect(LoadedSettings.docker() == "/from/file")
            setenv("SLIPWAY_DOCKER", "/from/environment", 1)
            #expect(LoadedSettings.docker() == "/from/environment")
        }
    }
}

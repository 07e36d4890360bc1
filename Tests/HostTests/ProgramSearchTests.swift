import Formats
import Glibc
import Host
import TestSupport
import Testing

@Suite("The next docker on PATH")
struct ProgramSearchTests {
    /// What a folder on PATH contains under the name "docker".
    enum Content: Sendable {
        case program, script, text, empty, shim, markerTooFarDown, notExecutable, directory, dangling, ourselves,
            unreadable
    }

    private static let contents: KeyValuePairs<ByteString, Content> = [
        "program": .program, "second": .program, "script": .script, "text": .text, "void": .empty, "shim": .shim,
        "far": .markerTooFarDown,
        "plain": .notExecutable, "folder": .directory, "dangling": .dangling, "own": .ourselves, "alias": .ourselves,
        "unreadable": .unreadable,
    ]

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for (name, content) in Self.contents {
            let file = name.appending(path: "docker")
            try folder.makeFolder(name)
            switch content {
            case .program: try folder.write(file, "\u{7F}ELF", mode: 0o755)
            case .script: try folder.write(script: "exit 0", to: file)
            case .text: try folder.write(file, "exit 0\n", mode: 0o755)
            case .empty: try folder.write(file, "", mode: 0o755)
            case .shim: try folder.write(file, ByteString("S").repeated(4084) + "SLIPWAY-TEST", mode: 0o755)
            case .markerTooFarDown:
                try folder.write(file, ByteString("S").repeated(4085) + "SLIPWAY-TEST", mode: 0o755)
            case .notExecutable: try folder.write(file, "\u{7F}ELF", mode: 0o644)
            case .directory: try folder.makeFolder(file)
            case .dangling: try Files.makeLink(folder[file], to: folder["nowhere"])
            case .ourselves: try Files.makeLink(folder[file], to: "/proc/self/exe")
            case .unreadable: try folder.write(file, "\u{7F}ELF", mode: 0o111)
            }
        }
        try folder.makeFolder("empty")
    }

    /// `@` stands for the test's folder.
    private func path(_ text: ByteString) -> String { text.split("@").joined(separator: folder.path + "/").lossy }

    @Test(
        "The first one after our own entry, or else the first one before it",
        arguments: [
            ("@program", "program"), ("@program:@second", "program"), ("@own:@program:@second", "program"),
            ("@program:@own:@second", "second"), ("@program:@second:@own", "program"), ("@own", nil), ("", nil),
            ("@own:@alias:@program", "program"), ("@program:@own:@alias", "program"), ("@empty:@program", "program"),
            ("@program:@own:@empty", "program"), ("@missing:@own:@missing:@second", "second"),
            ("@own:@shim:@program", "program"), ("@shim", nil), ("@own:@far:@program", "far"),
            ("@own:@plain:@folder:@dangling:@program", "program"), ("@plain", nil), ("@folder", nil),
            ("@own:@unreadable:@program", "unreadable"), ("@own::.:program:bin:@program", "program"),
            (":@own:@program:", "program"), ("::", nil), (".", nil), ("@own:@program/", "program/"),
            ("@program/../second:@own", "program/../second"),
        ] as [(ByteString, ByteString?)])
    func next(_ search: ByteString, _ expected: ByteString?) async {
        let search = path(search)
        let expected = expected.map { folder[$0].lossy + "/docker" }
        await #expect(processExitsWith: .success) {
            [search = search as String, expected = expected as String?, standing = folder["program"].lossy as String] in
            // A relative entry would find the program in this folder.
            chdir(standing)
            setenv("PATH", search, 1)
            let found = ProgramSearch.next(named: "docker", withoutMarker: "SLIPWAY-TEST") { _ in false }
            #expect(found?.path.lossy == expected)
        }
    }

    @Test("Without PATH there is none, and too long an entry is skipped")
    func oddPaths() async {
        await #expect(processExitsWith: .success) { [program = folder["program"].lossy as String] in
            func found() -> String? {
                ProgramSearch.next(named: "docker", withoutMarker: "SLIPWAY-TEST") { _ in false }?.path.lossy
            }
            unsetenv("PATH")
            #expect(found() == nil)
            for length in [4080, 4095, 4096, 4097, 200_000] {
                setenv("PATH", "/" + String(repeating: "x", count: length - 1) + ":" + program, 1)
                #expect(found() == program + "/docker")
            }
        }
    }

    @Test("Refused ones are skipped, before our own entry and after it")
    func refused() async {
        let search = path("@script:@program:@own:@script:@second")
        await #expect(processExitsWith: .success) {
            [search = search as String, second = folder["second"].lossy as String] in
            setenv("PATH", search, 1)
            let found = ProgramSearch.next(named: "docker", withoutMarker: "SLIPWAY-TEST") { $0.isScript }
            #expect(found?.path.lossy == second + "/docker")
            #expect(found?.isScript == false)
            let none = ProgramSearch.next(named: "docker", withoutMarker: "SLIPWAY-TEST") { _ in true }
            #expect(none == nil)
        }
    }

    @Test(
        "By its absolute path, under the same conditions",
        arguments: [
            ("@program/docker", true), ("@script/docker", true), ("@shim/docker", false), ("@own/docker", false),
            ("@plain/docker", false), ("@folder/docker", false), ("@missing", false), ("docker", false), ("", false),
            ("@program/docker\0", false),
        ] as [(ByteString, Bool)])
    func named(_ path: ByteString, _ isFound: Bool) {
        let path = path.split("@").joined(separator: folder.path + "/")
        let found = ProgramSearch.named(path, withoutMarker: "SLIPWAY-TEST")
        #expect(found?.path == (isFound ? path : nil))
        #expect(found.map(\.isScript) == (isFound ? path.range(of: "/script/") != nil : nil))
    }
}

import Formats
import Git
import Glibc
import Host
import TestSupport
import Testing

@testable import BuildCache

@Suite("Flights")
struct FlightTests {
    private let fixture: StoreFixture
    private var folder: TemporaryFolder { fixture.folder }
    private static let commit = ByteString(String(repeating: "a1", count: 20))

    init() throws {
        fixture = try StoreFixture()
        for clone in ["work", "clone"] as [ByteString] {
            try folder.write(clone + "/.git/config", "[remote \"origin\"]\n\turl = https://example.org/o/app.git\n")
            try folder.write(clone + "/.git/HEAD", "ref: refs/heads/topic\n")
            try folder.write(clone + "/.git/refs/heads/topic", Self.commit + "\n")
            try folder.write(clone + "/Dockerfile", "FROM scratch\n")
        }
    }

    private func name(
        _ clone: ByteString = "work", _ arguments: [ByteString] = [], target: ByteString? = nil,
        platforms: [ByteString] = [], file: ByteString? = nil, tags: [ByteString] = []
    ) throws -> ByteString {
        let build = BuildDescription(
            context: .directory(folder[clone]), dockerfile: file, target: target, platforms: platforms,
            imageNames: tags,
            arguments: arguments, workingDirectory: folder[clone])
        let identity = BuildIdentity(of: build, platform: "linux/amd64")
        let path = file.map { folder[clone].appending(path: $0) } ?? folder[clone].appending(path: "Dockerfile")
        return try #require(Flight(of: build, as: identity, dockerfile: path)).name
    }

    private func relative(_ path: ByteString) throws -> ByteString { try #require(path.relative(to: folder.path)) }

    @Test("Clones of one commit are one flight, whatever their images' names and paths")
    func clones() throws {
        #expect(try name() == name("clone"))
        #expect(try name() == name(tags: ["app:1"]))
        #expect(try name().bytes.allSatisfy { Hex.value(of: $0) != nil })
    }

    @Test("Arguments, target, platform, Dockerfile and commit distinguish flights")
    func differences() throws {
        try folder.write("work/other/Dockerfile", "FROM scratch\n")
        var names = [
            try name(), try name("work", ["A=1"]), try name("work", ["A=2"]), try name(target: "x"),
            try name(platforms: ["linux/arm64"]), try name(file: "other/Dockerfile"),
        ]
        try folder.write("work/Dockerfile", "FROM scratch\n# other\n")
        names.append(try name())
        try folder.write("work/.git/refs/heads/topic", ByteString(String(repeating: "b2", count: 20)) + "\n")
        names.append(try name())
        #expect(Set(names).count == names.count)
    }

    @Test("A commit is found detached, packed, and from a worktree")
    func commits() throws {
        let known = try name()
        try folder.write("work/.git/HEAD", Self.commit + "\n")
        #expect(GitRepository.containing(folder["work"])?.commit == Self.commit)
        try folder.write("work/.git/HEAD", "ref: refs/heads/topic\n")
        try Files.remove(folder["work/.git/refs/heads/topic"])
        try folder.write(
            "work/.git/packed-refs",
            "# pack-refs with: peeled\n" + ByteString(String(repeating: "c3", count: 20)) + " refs/heads/to\n"
                + Self.commit
                + " refs/heads/topic\n")
        #expect(try name() == known)
        try folder.write("work/.git/worktrees/w/HEAD", "ref: refs/heads/topic\n")
        try folder.write("work/.git/worktrees/w/commondir", "../..\n")
        try folder.write("w/.git", "gitdir: " + folder["work/.git/worktrees/w"] + "\n")
        #expect(GitRepository.containing(folder["w"])?.commit == Self.commit)
        // Nothing else is a commit's name, and no file outside of git's folder is read.
        try folder.write("work/secret", Self.commit)
        for head in ["ref: refs/../../secret\n", "ref: /etc/passwd\n", "zz\n", ""] as [ByteString] {
            try folder.write("work/.git/HEAD", head)
            #expect(GitRepository.containing(folder["work"])?.commit == nil, "\(head)")
        }
    }

    @Test("Without git a context's path counts")
    func withoutGit() throws {
        for place in ["one", "two"] as [ByteString] { try folder.write(place + "/Dockerfile", "FROM scratch\n") }
        #expect(try name("one", tags: ["app"]) == name("one", tags: ["app"]))
        #expect(try name("one", tags: ["app"]) != name("two", tags: ["app"]))
    }

    @Test(
        "Nobody waits for quick builds; otherwise twice as long as they take, within limits, or as long as the settings say"
    )
    func patience() {
        let second: Int64 = 1_000_000_000
        #expect(Flight.Patience.limit(nil, known: nil) == 60 * second)
        #expect(Flight.Patience.limit(nil, known: 2 * second - 1) == nil)
        #expect(Flight.Patience.limit(5 * second, known: second) == nil)
        #expect(Flight.Patience.limit(nil, known: 2 * second) == 4 * second)
        #expect(Flight.Patience.limit(nil, known: 299 * second) == 598 * second)
        #expect(Flight.Patience.limit(nil, known: 300 * second) == 600 * second)
        #expect(Flight.Patience.limit(nil, known: .max) == 600 * second)
        #expect(Flight.Patience.limit(5 * second, known: .max) == 5 * second)
        #expect(Flight.Patience.limit(5 * second, known: nil) == 5 * second)
    }

    // In separate processes: a program that another test starts meanwhile would briefly hold a copy of a lock.
    @Test("The first leads until it ends; with its export the flight is over, even if it has not ended")
    func course() async {
        await #expect(processExitsWith: .success) {
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            let flights = try #require(Flights(in: fixture.store, making: false))
            let flight = Flight(named: "f")
            func lock() throws -> FlightLock {
                guard case .leading(let lock) = flights.join(flight) else { throw Errno.invalid }
                return lock
            }
            func leader() throws -> Flight.Leader? {
                guard case .awaited(let leader) = flights.join(flight) else { throw Errno.invalid }
                return leader
            }
            var first: FlightLock? = try lock()
            #expect(try leader() == nil)
            // A build that exports nothing leaves nothing behind.
            first = nil
            first = try lock()
            let export = generation.exportsPath.appending(path: "key/export")
            try first?.announce(exportingTo: export)
            #expect(try leader()?.process == Int(Kernel.processID))
            #expect(try leader()?.export == export)
            // The program that it becomes holds the lock.
            first = nil
            #expect(try leader()?.export == export)
            try Files.makeDirectories(export, mode: 0o755)
            try Files.replace(export.appending(path: "index.json"), with: "{}", mode: 0o644)
            guard case .exported = flights.join(flight) else { throw Errno.invalid }
        }
    }

    @Test("A leader that has ended without an export is followed by the next")
    func failure() async {
        await #expect(processExitsWith: .success) {
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            let flights = try #require(Flights(in: fixture.store, making: false))
            let child = fork()
            if child == 0 {
                guard case .leading(let lock) = flights.join(Flight(named: "f")),
                    (try? lock.announce(exportingTo: generation.exportsPath.appending(path: "key/export"))) != nil
                else { _exit(1) }
                _exit(0)
            }
            var status: Int32 = 1
            waitpid(child, &status, 0)
            #expect(status == 0)
            guard case .leading(let lock) = flights.join(Flight(named: "f")) else { throw Errno.invalid }
            guard case .awaited(nil) = flights.join(Flight(named: "f")) else { throw Errno.invalid }
            withExtendedLifetime(lock) {}
        }
    }

    @Test("Flights are private to their owner; anything else in their place is ignored")
    func ownership() throws {
        let generation = try fixture.generation()
        let home = generation.path.parentPath
        let flights = try #require(Flights(in: fixture.store, making: false))
        guard case .leading = flights.join(Flight(named: "f")) else { throw Errno.invalid }
        #expect(try Files.status(home.appending(path: "flights")).mode == 0o700)
        #expect(try Files.status(home.appending(path: "flights/f")).mode == 0o600)
        // A pipe would hang, a link leads elsewhere, and a file that others may write could be locked by them.
        let place = home.appending(path: "flights")
        mkfifo(place.appending(path: "pipe").lossy, 0o600)
        try Files.makeLink(place.appending(path: "link"), to: "/etc/passwd")
        try folder.write(try relative(place.appending(path: "open")), "")
        chmod(place.appending(path: "open").lossy, 0o666)
        try Files.makeLink(place.appending(path: "dangling"), to: folder["victim"])
        for name in ["pipe", "link", "dangling", "open"] as [ByteString] {
            guard case .unknown = flights.join(Flight(named: name)) else { throw Errno.invalid }
        }
        #expect(Files.isMissing(folder["victim"]))
        #expect(Flights(in: fixture.store, making: false) != nil)
        chmod(place.lossy, 0o755)
        #expect(Flights(in: fixture.store, making: false) == nil)
        try Files.removeTree(place)
        try Files.makeLink(place, to: folder["work"])
        #expect(Flights(in: fixture.store, making: false) == nil)
        // A sub-store that cannot be made has none.
        try Files.removeTree(home)
        try folder.write(try relative(home), "")
        #expect(Flights(in: fixture.store, making: true) == nil)
    }

    @Test(
        "A torn line, or one that leads out of the sub-store, names no leader",
        arguments: ["", "12 ", "12 gen/x", "x gen\n", "12 ../u1/x\n", "12 /etc\n", "12 a/../../x\n"] as [String])
    func lines(text: String) async {
        await #expect(processExitsWith: .success) { [text] in
            let fixture = try StoreFixture()
            let generation = try fixture.generation()
            let flights = try #require(Flights(in: fixture.store, making: false))
            guard case .leading(let lock) = flights.join(Flight(named: "f")) else { throw Errno.invalid }
            let file = try Descriptor.open(
                generation.path.parentPath.appending(path: "flights/f"), .append(mode: 0o600))
            try file.write(ByteString(text))
            guard case .awaited(nil) = flights.join(Flight(named: "f")) else { throw Errno.invalid }
            withExtendedLifetime(lock) {}
        }
    }

    @Test("Old flights are removed if there are many, but never one with a leader")
    func room() throws {
        let generation = try fixture.generation()
        let flights = try #require(Flights(in: fixture.store, making: false))
        let place = generation.path.parentPath.appending(path: "flights")
        guard case .leading(let lock) = flights.join(Flight(named: "led")) else { throw Errno.invalid }
        try Files.setModified(place.appending(path: "led"), 1_000_000_000)
        for number in 0..<300 {
            try folder.write(try relative(place.appending(path: "f" + ByteString(decimal: number))), "")
        }
        guard case .leading = flights.join(Flight(named: "new")) else { throw Errno.invalid }
        let names = try Files.names(in: place, limit: 1000)
        #expect(names.count == 129)
        #expect(names.contains("led"))
        withExtendedLifetime(lock) {}
    }
}

public import Formats
internal import Git
public import Host
internal import Notes

/// Equal builds that start at the same time: the first one is the leader, and the others wait for its export.
public struct Flight: Equatable, Sendable {
    /// The name of its file. Like the names of exports, it reveals nothing about the build arguments and other inputs
    /// that it is made from.
    let name: ByteString

    /// Hashing a larger Dockerfile would take longer than a command should wait.
    private static let largest = 262_144

    /// From the key, build arguments, Dockerfile and checked-out commit, or without git the context's path. nil for a
    /// build whose files are not on this machine.
    public init?(of build: BuildDescription, as identity: BuildIdentity, dockerfile path: ByteString) {
        guard case .directory(let context) = build.context,
            let root = try? Files.realPath(context.absolute(in: build.workingDirectory)),
            let text = try? Files.read(path, within: path.parentPath, limit: Self.largest)
        else { return nil }
        let repository = GitRepository.containing(root)
        let fields = [
            identity.key.directoryName, identity.variant.arguments, SHA256.hexDigest(of: text),
            repository.map { $0.commit ?? $0.branch } ?? root,
        ]
        name = SHA256.hexDigest(of: fields.joined(separator: "\0")).prefix(32)
    }

    init(named name: ByteString) { self.name = name }
}

extension Flight {
    /// How long a build waits for its leader, in nanoseconds.
    public enum Patience {
        /// Builds that take no longer than this start at once: waiting would gain nothing.
        public static let short: Int64 = 2_000_000_000
        private static let unknown: Int64 = 60_000_000_000
        private static let most: Int64 = 600_000_000_000

        /// nil if the build should not wait. `asked` comes from the settings; `known` is how long such builds take.
        public static func limit(_ asked: Int64?, known: Int64?) -> Int64? {
            if let known, known < short { return nil }
            if let asked { return asked }
            guard let known else { return unknown }
            return known > most / 2 ? most : known * 2
        }
    }

    /// The leader of a flight.
    public struct Leader: Equatable, Sendable {
        /// The process that becomes docker, by its own PID: in a container that is not its PID outside.
        public let process: Int
        /// The directory to which it exports.
        public let export: ByteString

        fileprivate static func text(_ process: Int32, _ export: ByteString) -> ByteString {
            ByteString(decimal: process) + " " + export + "\n"
        }

        /// From a line of the flight's file; nil if the line is incomplete or foreign. `home` is the sub-store.
        fileprivate init?(_ text: ByteString, in home: ByteString) {
            guard text.hasSuffix("\n"), let (process, path) = text.dropLast(1).cut(at: " "),
                let number = process.decimal, path == path.cleanedPath, !path.hasPrefix("/"), !path.hasPrefix("../")
            else { return nil }
            self.process = number
            export = home.appending(path: path)
        }

        /// Whether its export is complete.
        public var isExported: Bool { Export.currentLocation(of: export).flatMap { Export.mark($0) } != nil }
    }

    /// The state of a flight.
    public enum State {
        /// There is no leader, and nothing has been exported yet: the caller is now the leader.
        case leading(FlightLock)
        /// Another build leads; nil as long as it has not said which.
        case awaited(Leader?)
        /// The flight's export is in the store.
        case exported
        /// Unknown, so the caller builds on its own.
        case unknown
    }
}

/// The folder of flights in the user's own sub-store. No other user can open its files, so no other user can lead a
/// flight or hold one up.
public struct Flights: Sendable {
    private let home: ByteString
    private let owner: UInt32
    private var path: ByteString { home.appending(path: "flights") }

    /// The most flight files to keep.
    private static let most = 256
    private static let longest = 16_384

    /// nil if there is no folder and none can be made. With `making` it also makes the sub-store.
    public init?(in store: Store, making: Bool) {
        home = store.layout.subStore(of: store.user)
        owner = store.user
        do throws(StoreError) {
            if making { try store.makeOwnIfMissing() }
            guard try store.currentGeneration(of: owner) != nil else { return nil }
        } catch {
            return nil
        }
        do throws(Errno) { try Files.makeDirectory(path, mode: 0o700) } catch {
            guard error == .fileExists else { return nil }
        }
        guard let folder = try? Files.status(path, followLinks: false), folder.kind == .directory,
            folder.owner == owner, folder.mode & 0o077 == 0
        else { return nil }
    }

    /// Takes the lead of a flight if it has no leader; never waits.
    public func join(_ flight: Flight) -> Flight.State {
        let path = path.appending(path: flight.name)
        // Another process that cleans up may remove the file between open and lock.
        for _ in 0..<3 {
            do throws(Errno) {
                let file = try Descriptor.open(path, .update(mode: 0o600), followLinks: false)
                let held = try file.status()
                guard held.kind == .regular, held.owner == owner, !held.isWritableByOthers else { return .unknown }
                var isLocked = true
                do throws(Errno) { try file.lockByAccess(.exclusive) } catch .wouldBlock { isLocked = false }
                let leader = Flight.Leader(try file.readAll(limit: Self.longest), in: home)
                // Once the export is complete there is nothing to lead, whether or not docker has ended.
                if leader?.isExported ?? false { return .exported }
                guard isLocked else { return .awaited(leader) }
                guard let current = try? Files.status(path, followLinks: false), current.isSameFile(as: held)
                else { continue }
                if held.size == 0 { makeRoom() }
                // What the last leader wrote is out of date.
                try file.truncate()
                return .leading(FlightLock(file, in: home))
            } catch {
                return .unknown
            }
        }
        return .unknown
    }

    /// Removes old flights without a leader.
    private func makeRoom() {
        for old in Files.surplus(in: path, most: Self.most) {
            guard let file = try? Descriptor.open(old, .update(mode: 0o600), followLinks: false),
                (try? file.lockByAccess(.exclusive)) != nil
            else { continue }
            try? Files.remove(old)
            // Keeps the lock until here.
            _ = try? file.status()
        }
    }
}

/// The lead of a flight: a lock on an open file, which ends when all its holders have ended, however they end. It needs
/// write access, so readers can neither take it nor block anyone.
public final class FlightLock {
    private let file: Descriptor
    private let home: ByteString

    fileprivate init(_ file: consuming Descriptor, in home: ByteString) {
        self.file = file
        self.home = home
    }

    /// Lets a detached process hold the lock, too.
    public var inheritance: Detached.Inheritance { file.inheritance() }

    /// Writes who leads and where it exports to, and hands the lock to the program that this process becomes.
    public func announce(exportingTo export: ByteString) throws(Errno) {
        guard let path = export.relative(to: home) else { throw .invalid }
        try file.seek(beforeEnd: 0)
        try file.write(Flight.Leader.text(Kernel.processID, path))
        _ = try file.leaveOpenAcrossExec()
    }
}

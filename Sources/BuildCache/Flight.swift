public import Formats
public import Host
internal import Notes

/// Equal builds that begin at one moment: the first one is their leader, and the others wait for what it exports.
public struct Flight: Equatable, Sendable {
    /// The name of its file: it tells nothing of what it is made from, of build arguments no more than their exports' names do.
    let name: ByteString

    /// A larger Dockerfile would take longer to digest than a command should wait for.
    private static let largest = 262_144

    /// Key, build arguments, Dockerfile and the commit that is checked out, or without git the context's path. nil for a build that
    /// is not made from files of this machine.
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
        /// What takes no longer is built at once: who waits for it has gained nothing.
        public static let short: Int64 = 2_000_000_000
        private static let unknown: Int64 = 60_000_000_000
        private static let most: Int64 = 600_000_000_000

        /// nil where nobody waits. `asked` is what the settings say; `known` is how long such builds take.
        public static func limit(_ asked: Int64?, known: Int64?) -> Int64? {
            if let known, known < short { return nil }
            if let asked { return asked }
            guard let known else { return unknown }
            return known > most / 2 ? most : known * 2
        }
    }

    /// Who leads.
    public struct Leader: Equatable, Sendable {
        /// The process that becomes docker, as it knows itself: in a container that is not its number outside.
        public let process: Int
        /// Where it exports to.
        public let export: ByteString

        fileprivate static func text(_ process: Int32, _ export: ByteString) -> ByteString {
            ByteString(decimal: process) + " " + export + "\n"
        }

        /// A line of the flight's file; nil for what is torn, or none of ours. `home` is the sub-store.
        fileprivate init?(_ text: ByteString, in home: ByteString) {
            guard text.hasSuffix("\n"), let (process, path) = text.dropLast(1).cut(at: " "),
                let number = process.decimal, path == path.cleanedPath, !path.hasPrefix("/"), !path.hasPrefix("../")
            else { return nil }
            self.process = number
            export = home.appending(path: path)
        }

        /// Whether what it exports is there.
        public var isExported: Bool { Export.currentLocation(of: export).flatMap { Export.mark($0) } != nil }
    }

    /// What there is of a flight.
    public enum State {
        /// Nobody leads, and nothing has been exported yet: the caller does now.
        case leading(FlightLock)
        /// Somebody else does; nil while it has not said who.
        case awaited(Leader?)
        /// What it was for is in the store.
        case exported
        /// It cannot be told, so there is none.
        case unknown
    }
}

/// The folder of flights in one's own sub-store: nobody else can open what is in it, so nobody else can lead or hold one up.
public struct Flights: Sendable {
    private let home: ByteString
    private let owner: UInt32
    private var path: ByteString { home.appending(path: "flights") }

    /// Flights that are remembered.
    private static let most = 256
    private static let longest = 16_384

    /// nil where there is none and none can be made. With `making` the sub-store is made, too.
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

    /// Takes the lead of a flight where nobody has it, without ever waiting.
    public func join(_ flight: Flight) -> Flight.State {
        let path = path.appending(path: flight.name)
        // Whoever makes room may take a file away between the opening and the lock.
        for _ in 0..<3 {
            do throws(Errno) {
                let file = try Descriptor.open(path, .update(mode: 0o600), followLinks: false)
                let held = try file.status()
                guard held.kind == .regular, held.owner == owner, !held.isWritableByOthers else { return .unknown }
                var isLocked = true
                do throws(Errno) { try file.lockByAccess(.exclusive) } catch .wouldBlock { isLocked = false }
                let leader = Flight.Leader(try file.readAll(limit: Self.longest), in: home)
                // What has been exported needs no leader any more, whether docker has ended or not.
                if leader?.isExported ?? false { return .exported }
                guard isLocked else { return .awaited(leader) }
                guard let standing = try? Files.status(path, followLinks: false), standing.isSameFile(as: held)
                else { continue }
                if held.size == 0 { makeRoom() }
                // What the last leader has said is not so any more.
                try file.truncate()
                return .leading(FlightLock(file, in: home))
            } catch {
                return .unknown
            }
        }
        return .unknown
    }

    /// Takes old flights away that nobody leads.
    private func makeRoom() {
        for old in Files.surplus(in: path, most: Self.most) {
            guard let file = try? Descriptor.open(old, .update(mode: 0o600), followLinks: false),
                (try? file.lockByAccess(.exclusive)) != nil
            else { continue }
            try? Files.remove(old)
            // The lock is held to the end.
            _ = try? file.status()
        }
    }
}

/// The lead of a flight: a lock of an open file, so it ends with its holders, however they end. It needs write access, so those who
/// may only read can neither take it nor keep it from anybody.
public final class FlightLock {
    private let file: Descriptor
    private let home: ByteString

    fileprivate init(_ file: consuming Descriptor, in home: ByteString) {
        self.file = file
        self.home = home
    }

    /// What a detached process needs to hold it, too.
    public var inheritance: Detached.Inheritance { file.inheritance() }

    /// Says who leads and where it exports to, and hands the lock to the program that this process becomes.
    public func announce(exportingTo export: ByteString) throws(Errno) {
        guard let path = export.relative(to: home) else { throw .invalid }
        try file.seek(beforeEnd: 0)
        try file.write(Flight.Leader.text(Kernel.processID, path))
        _ = try file.leaveOpenAcrossExec()
    }
}

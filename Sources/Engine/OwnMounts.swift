public import Formats
internal import Host
internal import Notes
public import PathMap

/// Which container of an engine this process runs in, proven, and what the engine mounted there. A wrong table would
/// mount other people's files, so nothing unproven is used.
public struct OwnMounts: Sendable {
    private let mounts: MountInfo
    private let folders: [ByteString]
    private let memory: TableMemory

    /// The mounts of this process, the folders in which a file may be made as proof, and where answers are
    /// remembered.
    public init(_ mounts: MountInfo, memory: TableMemory, folders: [ByteString] = ["/tmp", "/var/tmp", "/run", "/"]) {
        self.mounts = mounts
        self.folders = folders
        self.memory = memory
    }

    /// The table; nil if there is nothing to translate: this is no container, or the engine does not know it. Throws if
    /// the answer is uncertain. `engine` is called only inside a container.
    public func table(engine: () throws(EngineError) -> ContainerEngine) throws(EngineError) -> PathTable? {
        let id: ByteString
        switch mounts.container {
        case .none: return nil
        case .unclear: throw EngineError(.containerNotProved)
        case .id(let found): id = found
        }
        let engine = try engine()
        let key = engine.socketIdentity.map { [id] + $0 }
        if let key, let known = memory.recall(key) {
            guard known.isKnown else { throw EngineError(.engineElsewhere) }
            return PathTable(known.rows, holes: mounts.holes(below: known.rows))
        }
        guard let container = try engine.container(id) else {
            if let key { memory.remember(RememberedTable(key: key, rows: [], isKnown: false)) }
            throw EngineError(.engineElsewhere)
        }
        let table = mounts.table(of: try own(id, container, engine))
        if let key { memory.remember(RememberedTable(key: key, rows: table.rows, isKnown: true)) }
        return table
    }

    /// The mounts of the container that was verified to be this one: the container whose ID occurs in the mounts, or
    /// one that shares its network, and so gets the same three files.
    private func own(
        _ id: ByteString, _ container: JSON, _ engine: ContainerEngine
    ) throws(EngineError) -> [ContainerMount] {
        let first = try Self.mounts(of: container)
        if mounts.matches(first) { return first }
        let proof = NonceFile(in: folders, mounts)
        defer { proof?.remove() }
        if let proof, try engine.hasFile(proof.path, in: id) { return first }

        let name = container[field: "Name"]?.string ?? ""
        var matching: [[ContainerMount]] = []
        for other in try engine.containers(inNetworkOf: id, named: name.hasPrefix("/") ? name.dropFirst(1) : name)
            .prefix(16)
        {
            guard let json = try engine.container(other) else { continue }
            let found = try Self.mounts(of: json)
            if let proof {
                if try engine.hasFile(proof.path, in: other) { return found }
            } else if mounts.matches(found) {
                matching.append(found)
            }
        }
        guard let only = matching.first, matching.count == 1 else { throw EngineError(.containerNotProved) }
        return only
    }

    private static func mounts(of container: JSON) throws(EngineError) -> [ContainerMount] {
        guard var mounts = ContainerMount.list(in: container) else { throw EngineError(.engineAnswerUnreadable) }
        for index in mounts.indices {
            // The engine reports the path that the user requested; the kernel, the path to which the image's links
            // led.
            if let real = try? Files.realPath(mounts[index].destination) { mounts[index].resolved = real }
        }
        return mounts
    }
}

/// A file with an unguessable name in the container's own layer: the container that has this file is this one.
private struct NonceFile {
    let path: ByteString

    /// Nil if no folder of the root file system is writable.
    init?(in folders: [ByteString], _ mounts: MountInfo) {
        let name = ".slipway-" + Hex.digits(of: Kernel.randomBytes(16))
        for folder in folders {
            guard let real = try? Files.realPath(folder), mounts.isInRoot(real) else { continue }
            let path = real.appending(path: name)
            if (try? Descriptor.open(path, .create(mode: 0o600), followLinks: false).status()) != nil {
                self.path = path
                return
            }
        }
        return nil
    }

    func remove() { try? Files.remove(path) }
}

/// Engines' answers about the container from which their socket was reached.
public struct TableMemory: Sendable {
    private let file: MemoryFile

    /// Stores answers in a file; with nil, or if that file cannot be used, everything is asked anew.
    public init(file: ByteString?, isWriting: Bool = true) {
        self.file = MemoryFile(path: file, isWriting: isWriting, mostLines: 8, longest: 262_144)
    }

    func recall(_ key: [ByteString]) -> RememberedTable? { load().first { $0.key == key } }

    func remember(_ table: RememberedTable) {
        file.replace(with: ([table] + load().filter { $0.key != table.key }).map(\.line))
    }

    private func load() -> [RememberedTable] { file.lines().compactMap(RememberedTable.init(line:)) }
}

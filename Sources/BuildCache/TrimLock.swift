internal import Formats
internal import Host
internal import Notes

/// Held by the one process that trims a sub-store. Its file's time says when that was done last.
final class TrimLock {
    /// The file's name in a sub-store.
    static let name: ByteString = "trimmed"
    private let path: ByteString
    private let file: Descriptor

    private init(_ path: ByteString, _ file: consuming Descriptor) {
        self.path = path
        self.file = file
    }

    /// nil while somebody else holds it.
    static func take(in home: ByteString, owner: UInt32) throws(Rejection) -> TrimLock? {
        let path = home.appending(path: name)
        do throws(Errno) {
            let file = try Descriptor.open(path, .append(mode: 0o644), followLinks: false)
            guard try file.status().owner == owner else { throw .accessDenied }
            try file.lock(.exclusive)
            return TrimLock(path, file)
        } catch .wouldBlock {
            return nil
        } catch {
            throw Rejection(error == .readOnly ? .storeReadOnly : .storeNotWritable, path, error)
        }
    }

    /// Says that all is done.
    func finish() { try? Files.setModified(path, Clock.now) }
}

/// A generation's lease, held alone: nobody uses it, and nobody can begin to.
final class ExclusiveLease {
    private let file: Descriptor

    private init(_ file: consuming Descriptor) { self.file = file }

    /// nil while a build holds it. Where there is no file, one is made: without it nobody can have begun to use the generation.
    static func take(of generation: Generation) throws(Rejection) -> ExclusiveLease? {
        do throws(Errno) {
            let file = try Descriptor.open(generation.leasePath, .append(mode: 0o600), followLinks: false)
            let status = try file.status()
            guard status.kind == .regular, status.owner == generation.owner else { throw .accessDenied }
            try file.lock(.exclusive)
            return ExclusiveLease(file)
        } catch .wouldBlock {
            return nil
        } catch {
            throw Rejection(.storeUnreadable, generation.leasePath, error)
        }
    }

    /// Whether nobody holds it, looked at by holding it for a moment: only for generations that no build begins to use.
    static func isFree(_ generation: Generation) -> Bool {
        do throws(Errno) {
            try Descriptor.open(generation.leasePath, followLinks: false).lock(.exclusive)
            return true
        } catch {
            return error == .noSuchFile
        }
    }

    /// Lets it go: it ends with the object at the latest.
    func release() { withExtendedLifetime(self) {} }
}

/// What a generation held when it was replaced, kept in it: what is complete and not here came later.
struct MarkedExports {
    private var names: Set<ByteString> = []

    /// Nothing.
    init() {}

    private static let fileName: ByteString = "marked"

    /// What has been judged. What was not complete then may be so later: a build may have ended while the pool was read.
    init(_ inventory: Inventory) {
        for key in inventory.keys {
            for export in key.exports where export.state == .complete { names.insert(key.name + "/" + export.name) }
        }
    }

    mutating func insert(_ key: ByteString, _ export: ByteString) { names.insert(key + "/" + export) }

    private init(names: Set<ByteString>) { self.names = names }

    func contains(_ key: ByteString, _ export: ByteString) -> Bool { names.contains(key + "/" + export) }

    static func read(from generation: Generation) -> MarkedExports {
        let text = try? Files.read(generation.path.appending(path: fileName), limit: 64 << 20, followLinks: false)
        return MarkedExports(names: Set((text ?? "").split("\n")))
    }

    func write(to generation: Generation) throws(Errno) {
        let text = names.sorted().joined(separator: "\n")
        try Files.replace(generation.path.appending(path: Self.fileName), with: text, mode: 0o644)
    }
}

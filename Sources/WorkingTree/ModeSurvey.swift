public import BuildCache
public import Formats
internal import GitIndex
internal import Host

/// The modes of tracked files and of their directories, compared with those of a clone that was made with umask 0022. BuildKit
/// hashes modes: where they differ, COPY and every step after it miss.
public struct ModeSurvey: Sendable {
    /// One path whose mode is another.
    public struct Difference: Equatable, Sendable {
        /// From the survey's top.
        public let path: ByteString
        /// The twelve permission bits it has.
        public let mode: UInt32
        /// Those that git would give it.
        public let wanted: UInt32
        let status: FileStatus
        /// What git names the content of a file, 20 or 32 bytes; empty for a directory.
        let blob: [UInt8]
        /// Whether it is a directory.
        public var isDirectory: Bool { status.kind == .directory }
        /// Whether it is a file with other names, which may be anybody's: its mode is theirs, too.
        public var isHardLinked: Bool { !isDirectory && status.links > 1 }
    }

    /// The repository's top.
    public let top: ByteString
    /// Tracked files that are there.
    public private(set) var files = 0
    /// Their directories.
    public private(set) var directories = 0
    /// What has another mode.
    public private(set) var differences: [Difference] = []
    /// Files whose owner may execute them, or not, otherwise than git has it: a change of the user's own, which git shows.
    public private(set) var executables: [ByteString] = []
    /// Directories whose default ACL gives new files other modes; looked for only where asked.
    public private(set) var defaultACLs: [ByteString] = []
    /// Submodules that are checked out, all that are below them included.
    public private(set) var submodules: [ByteString] = []
    /// What was not looked at, and why.
    public private(set) var obstacles: [ByteString] = []
    /// Whether git was told not to believe modes (core.fileMode=false).
    public private(set) var ignoresModes = false
    /// Each repository's checkout, and where its paths begin.
    private(set) var checkouts: [(prefix: ByteString, checkout: Checkout)] = []
    /// Whether time ran out before all was seen.
    public private(set) var isPartial = false

    /// How a survey is made.
    public struct Options: Sendable {
        /// When to stop.
        public var deadline = Deadline.never
        /// Whether the index's checksum is compared, and default ACLs are looked for.
        public var isThorough = true

        /// All of it, however long it takes.
        public init() {}
    }

    private static let deepest = 16

    /// Compares a whole working tree, its submodules with it.
    public init(of repository: GitRepository, _ options: Options = Options()) throws(Checkout.CheckoutError) {
        top = repository.top
        try add(repository, below: "", options, depth: 0)
    }

    private mutating func add(
        _ repository: GitRepository, below prefix: ByteString, _ options: Options, depth: Int
    ) throws(Checkout.CheckoutError) {
        let checkout = try Checkout(of: repository)
        checkouts.append((prefix, checkout))
        let folder = try Self.open(repository.top)
        if !checkout.trustsModes { ignoresModes = true }
        if options.isThorough { lookForACL(repository.top, prefix.isEmpty ? "." : prefix.dropLast(1)) }
        var pass = Pass(prefix: prefix, trustsModes: checkout.trustsModes)
        let isWhole = try checkout.forEach(verifying: options.isThorough, until: options.deadline) {
            entry, path, shared in
            look(at: entry, path, shared, in: folder, &pass, options)
            return !pass.isLate
        }
        if !isWhole { isPartial = true }
        for below in pass.submodules {
            let name = prefix + below
            guard !options.deadline.hasPassed else {
                isPartial = true
                return
            }
            let found = GitRepository.at(repository.top.appending(path: below))
            if let path = found.foreign { obstacles.append(name + ": " + Checkout.CheckoutError.foreign(path).text) }
            guard let submodule = found.repository else { continue }
            guard depth < Self.deepest else {
                obstacles.append(name + ": submodules below submodules, too deep")
                continue
            }
            submodules.append(name)
            let before = Extent(of: self)
            do throws(Checkout.CheckoutError) {
                try add(submodule, below: name + "/", options, depth: depth + 1)
            } catch {
                // Nothing counts of an index that is not sound.
                cut(to: before)
                obstacles.append(name + ": " + error.text)
            }
        }
    }

    /// How much has been found.
    private struct Extent {
        let counts: [Int]

        init(of survey: ModeSurvey) {
            counts = [
                survey.files, survey.directories, survey.differences.count, survey.executables.count,
                survey.defaultACLs.count, survey.checkouts.count,
            ]
        }
    }

    private mutating func cut(to extent: Extent) {
        (files, directories) = (extent.counts[0], extent.counts[1])
        differences.removeSubrange(extent.counts[2]...)
        executables.removeSubrange(extent.counts[3]...)
        defaultACLs.removeSubrange(extent.counts[4]...)
        checkouts.removeSubrange(extent.counts[5]...)
    }

    static func open(_ path: ByteString) throws(Checkout.CheckoutError) -> DirectoryDescriptor {
        do throws(Errno) {
            return try DirectoryDescriptor(path)
        } catch {
            throw .noIndex(path, error)
        }
    }

    /// What is remembered from one path of an index to the next.
    private struct Pass {
        let prefix: ByteString
        let trustsModes: Bool
        /// A path's beginning that is no directory here; none when empty.
        var missing: [CChar] = []
        var submodules: [ByteString] = []
        var last: ByteString?
        /// Whether the time was up among the directories of one path: there may be two thousand.
        var isLate = false
    }

    private mutating func look(
        at entry: GitIndex.Entry, _ path: UnsafeBufferPointer<CChar>, _ shared: Int,
        in folder: borrowing DirectoryDescriptor,
        _ pass: inout Pass, _ options: Options
    ) {
        guard !entry.isSkipped, entry.kind != .sparseDirectory, let start = path.baseAddress else { return }
        if !pass.missing.isEmpty {
            if path.starts(with: pass.missing) { return }
            pass.missing = []
        }
        guard lookAtDirectories(of: path, shared, in: folder, &pass, options) else { return }
        let name: () -> ByteString = { ByteString(path.dropLast().map(UInt8.init(bitPattern:))) }
        switch entry.kind {
        case .submodule:
            guard let status = folder.status(start), status.kind == .directory else { return }
            note(directory: name(), status, pass.prefix)
            pass.submodules.append(name())
        case .file(let isExecutable):
            guard let status = folder.status(start), status.kind == .regular else { return }
            // The sides of a merge share one file.
            if entry.stage > 0 {
                guard pass.last != name() else { return }
                pass.last = name()
            }
            files += 1
            note(file: status, entry, isExecutable: isExecutable, pass, name)
        case .symbolicLink, .sparseDirectory: return
        }
    }

    private mutating func note(
        file status: FileStatus, _ entry: GitIndex.Entry, isExecutable: Bool, _ pass: Pass, _ name: () -> ByteString
    ) {
        let wanted: UInt32 = isExecutable ? 0o755 : 0o644
        guard status.mode != wanted else { return }
        var right = wanted
        if pass.trustsModes, (status.mode & 0o100 != 0) != isExecutable {
            executables.append(pass.prefix + name())
            right = isExecutable ? 0o644 : 0o755
            guard status.mode != right else { return }
        }
        differences.append(
            Difference(
                path: pass.prefix + name(), mode: status.mode, wanted: right, status: status, blob: entry.name.bytes))
    }

    /// Each directory once, as paths are in order. False when one of them is none here: a link in its place leads elsewhere.
    private mutating func lookAtDirectories(
        of path: UnsafeBufferPointer<CChar>, _ shared: Int, in folder: borrowing DirectoryDescriptor,
        _ pass: inout Pass,
        _ options: Options
    ) -> Bool {
        guard path[shared...].contains(0x2F) else { return true }
        var name: [CChar] = Array(path[..<shared])
        for byte in path[shared...] {
            guard byte == 0x2F else {
                name.append(byte)
                continue
            }
            if options.deadline.hasPassed {
                pass.isLate = true
                return false
            }
            let status = (name + [0]).withUnsafeBufferPointer { $0.baseAddress.flatMap { folder.status($0) } }
            guard let status, status.kind == .directory else {
                pass.missing = name + [0x2F]
                return false
            }
            let text = ByteString(name.map(UInt8.init(bitPattern:)))
            note(directory: text, status, pass.prefix)
            if options.isThorough {
                lookForACL(top.appending(path: pass.prefix + text), pass.prefix + text)
            }
            name.append(byte)
        }
        return true
    }

    private mutating func note(directory name: ByteString, _ status: FileStatus, _ prefix: ByteString) {
        directories += 1
        guard status.mode != 0o755 else { return }
        differences.append(
            Difference(path: prefix + name, mode: status.mode, wanted: 0o755, status: status, blob: []))
    }

    private mutating func lookForACL(_ path: ByteString, _ name: ByteString) {
        if Files.hasAttribute("system.posix_acl_default", at: path) { defaultACLs.append(name) }
    }
}

extension ModeSurvey {
    /// The umask that makes all differences there are; nil when no single one does. Setgid bits are not of its making.
    public var umask: UInt32? {
        let mask = Self.umask(behind: differences.map { ($0.mode, $0.wanted == 0o755) })
        return mask == 0o022 ? nil : mask
    }

    /// The umask that makes these modes of what programs ask to be 0666, or 0777 where `isWide`.
    static func umask(behind modes: some Sequence<(mode: UInt32, isWide: Bool)>) -> UInt32? {
        var found: UInt32 = 0
        var known: UInt32 = 0
        for (mode, isWide) in modes {
            let asked: UInt32 = isWide ? 0o777 : 0o666
            let bits = mode & 0o777
            let mask = asked & ~bits
            guard bits & ~asked == 0, (found ^ mask) & known & asked == 0 else { return nil }
            found |= mask
            known |= asked
        }
        guard known != 0 else { return nil }
        // Files alone cannot tell about executing: who denies the rest denies that.
        if known == 0o666 {
            for triad: UInt32 in [0o700, 0o070, 0o007] where found & triad == triad & 0o666 { found |= triad }
        }
        return found
    }

    /// Directories that have a setgid bit: all that is made in them has another group, and directories the bit.
    public var setgid: [ByteString] { differences.filter { $0.isDirectory && $0.mode & 0o2000 != 0 }.map(\.path) }

    /// Files that have other names as well.
    public var hardLinks: [ByteString] { differences.filter(\.isHardLinked).map(\.path) }
}

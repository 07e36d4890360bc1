public import Formats
public import Git
internal import Host

/// Compares the modes of tracked files and of their directories with those of a clone made with umask 0022. BuildKit
/// hashes modes: where they differ, COPY and every step after it miss the cache.
public struct ModeSurvey: Sendable {
    /// A path with a different mode.
    public struct Difference: Equatable, Sendable {
        /// Relative to the survey's top.
        public let path: ByteString
        /// Its twelve permission bits.
        public let mode: UInt32
        /// The bits that git would give it.
        public let wanted: UInt32
        let status: FileStatus
        /// git's name for a file's content, 20 or 32 bytes; empty for a directory.
        let blob: [UInt8]
        /// Whether it is a directory.
        public var isDirectory: Bool { status.kind == .directory }
        /// Whether it is a file with other names, which may belong to anyone: changing its mode changes theirs.
        public var isHardLinked: Bool { !isDirectory && status.links > 1 }
    }

    /// The top of the repository.
    public let top: ByteString
    /// The number of tracked files that exist.
    public private(set) var files = 0
    /// The number of their directories.
    public private(set) var directories = 0
    /// The paths with a different mode.
    public private(set) var differences: [Difference] = []
    /// Files whose owner's execute permission differs from the one that git has: a change of the user's own, which
    /// git shows.
    public private(set) var executables: [ByteString] = []
    /// Directories whose default ACL gives new files other modes; searched only on request.
    public private(set) var defaultACLs: [ByteString] = []
    /// Submodules that are checked out, nested ones included.
    public private(set) var submodules: [ByteString] = []
    /// What was not examined, and why.
    public private(set) var obstacles: [ByteString] = []
    /// Whether git is configured not to trust modes (core.fileMode=false).
    public private(set) var ignoresModes = false
    /// Each repository's checkout, and the prefix of its paths.
    private(set) var checkouts: [(prefix: ByteString, checkout: Checkout)] = []
    /// Whether time ran out before everything was examined.
    public private(set) var isPartial = false

    /// Options of a survey.
    public struct Options: Sendable {
        /// When to stop.
        public var deadline = Deadline.never
        /// Whether to check the index's checksum, and to look for default ACLs.
        public var isThorough = true

        /// Everything, without a time limit.
        public init() {}
    }

    private static let deepest = 16

    /// Examines a whole working tree, including its submodules.
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
                // If an index is not sound, nothing from it counts.
                cut(to: before)
                obstacles.append(name + ": " + error.text)
            }
        }
    }

    /// How much has been found so far.
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

    /// State that is kept from one path of an index to the next.
    private struct Pass {
        let prefix: ByteString
        let trustsModes: Bool
        /// A path prefix that is not a directory here; none if empty.
        var missing: [CChar] = []
        var submodules: [ByteString] = []
        var last: ByteString?
        /// Whether the time ran out among the directories of one path, of which there may be two thousand.
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

    /// Looks at each directory once, because paths are sorted. False if one of them is not a directory here: a link
    /// in its place leads elsewhere.
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
    /// The umask that explains all differences; nil if no single umask does. Setgid bits do not come from a umask.
    public var umask: UInt32? {
        let mask = Self.umask(behind: differences.map { ($0.mode, $0.wanted == 0o755) })
        return mask == 0o022 ? nil : mask
    }

    /// The umask that produces these modes if programs request 0666, or 0777 if `isWide`.
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
        // Files alone tell nothing about execute permission: a umask that denies the rest denies that, too.
        if known == 0o666 {
            for triad: UInt32 in [0o700, 0o070, 0o007] where found & triad == triad & 0o666 { found |= triad }
        }
        return found
    }

    /// Directories with a setgid bit: everything made in them gets another group, and directories also the bit.
    public var setgid: [ByteString] { differences.filter { $0.isDirectory && $0.mode & 0o2000 != 0 }.map(\.path) }

    /// Files that also have other names.
    public var hardLinks: [ByteString] { differences.filter(\.isHardLinked).map(\.path) }
}

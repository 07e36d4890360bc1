public import Formats
internal import Git
internal import Host

/// Walks a context and records what COPY can see of it. Contents that git knows are not read again.
public struct ContextSurvey {
    /// How much it may spend.
    public struct Limits: Equatable, Sendable {
        /// The number of entries.
        public var files: Int
        /// The time in nanoseconds.
        public var time: Int64
        /// A larger file that git does not know is identified only by its size.
        public var largestRead: Int = 64 << 20
        /// The bytes to read in total.
        public var reads: Int = 512 << 20

        /// From named values.
        public init(files: Int, time: Int64) {
            self.files = files
            self.time = time
        }
    }

    /// The limit in bytes for the names that git knows.
    private static let mostNames = 64 << 20

    private let root: ByteString
    private let limits: Limits
    private let began: Int64
    private let deadline: Int64
    private var budget: Int
    private var tracked: [ByteString: GitIndex.Entry] = [:]
    private var written: Int64 = 0
    private var isLong = false
    private var record = ContextRecord(entries: [])

    /// A directory, absolute and resolved, how much may be spent, and when the build started.
    private init(_ root: ByteString, _ limits: Limits, _ began: Int64) {
        self.root = root
        self.limits = limits
        self.began = began
        deadline = Clock.monotonic &+ limits.time
        budget = limits.reads
    }

    /// The ignore file of a context; nil if there is none. `dockerfile` is the Dockerfile's path: a .dockerignore
    /// beside it and named after it takes precedence.
    ///
    /// Source: docker/buildx and BuildKit frontend/dockerui/config.go, DockerIgnore.
    public static func ignoreFile(of root: ByteString, dockerfile: ByteString?) -> ByteString? {
        [dockerfile.map { $0 + ".dockerignore" }, root.appending(path: ".dockerignore")].compactMap { $0 }
            .first { !Files.isMissing($0) }
    }

    /// Records a context without what `ignoreFile` excludes, for a build that started at a time, in nanoseconds since
    /// 1970. The build may have seen another content of a file that changed later, so the contents of such files count
    /// as unknown.
    public static func record(
        of root: ByteString, ignoreFile: ByteString?, _ limits: Limits, began: Int64
    ) -> ContextRecord {
        var survey = ContextSurvey(root, limits, began)
        survey.learnFromGit()
        survey.walk(ignoreFile)
        survey.record.entries.sort { $0.path < $1.path }
        return survey.record
    }

    /// Learns from git's index the contents of the tree. An index that is not understood contributes nothing. If an
    /// index names more paths than may be recorded, the rest is dropped: they would take too much memory.
    private mutating func learnFromGit() {
        guard let repository = GitRepository.containing(root), let prefix = root.relative(to: repository.top),
            let checkout = try? Checkout(of: repository)
        else { return }
        written = checkout.written
        isLong = repository.configured("extensions", "objectformat")?.lowercasedASCII == "sha256"
        let above = prefix == "." ? "" : prefix + "/"
        var room = Self.mostNames
        do throws(Checkout.CheckoutError) {
            _ = try checkout.forEach(until: Deadline { [deadline] in Clock.monotonic > deadline }) { entry, path, _ in
                guard case .file = entry.kind, entry.stage == 0, !entry.isIntended else { return true }
                let name = path.dropLast().lazy.map { UInt8(bitPattern: $0) }
                guard name.starts(with: above.bytes) else { return true }
                room -= name.count
                tracked[ByteString(name.dropFirst(above.count))] = entry
                return room > 0 && tracked.count < limits.files
            }
        } catch {
            tracked = [:]
        }
    }

    private mutating func walk(_ ignoreFile: ByteString?) {
        // git's own files differ in each clone, so only their existence is recorded.
        let gap = ContextWalk.forEach(of: root, ignoreFile: ignoreFile, enteringGit: false, most: limits.files &+ 1) {
            record.entries.count >= limits.files || Clock.monotonic > deadline
        } _: { entry, place in
            if entry.status.kind == .directory {
                record.entries.append(.init(path: entry.path, kind: .directory, mode: entry.status.mode))
            } else {
                add(entry.path, entry.status, entry.name, in: place)
            }
        }
        switch gap {
        case .cut: record.gap = record.entries.count >= limits.files ? .files : .time
        case .ignoreFile: record.gap = .ignoreFile
        case .unreadable: record.gap = .unreadable
        case nil: break
        }
    }

    private mutating func add(
        _ path: ByteString, _ status: FileStatus, _ name: ByteString, in place: borrowing DirectoryDescriptor
    ) {
        switch status.kind {
        case .regular:
            record.entries.append(
                .init(
                    path: path, kind: .file, mode: status.mode, size: UInt64(max(0, status.size)),
                    digest: digest(of: path, status, name, in: place)))
        case .symbolicLink:
            guard let text = try? place.readLink(name) else {
                record.gap = record.gap ?? .unreadable
                return
            }
            record.entries.append(
                .init(
                    path: path, kind: .link, mode: status.mode, size: UInt64(text.count),
                    digest: status.changed > began ? 0 : Self.number(SHA1.digest(of: text).prefix(8))))
        case .socket: return
        default: record.entries.append(.init(path: path, kind: .other, mode: status.mode))
        }
    }

    private mutating func digest(
        of path: ByteString, _ status: FileStatus, _ name: ByteString, in place: borrowing DirectoryDescriptor
    ) -> UInt64 {
        guard status.changed <= began else { return 0 }
        if let entry = tracked[path], isClean(entry, status) { return entry.name.start }
        guard status.size <= min(limits.largestRead, budget) else { return 0 }
        budget -= status.size
        guard let file = try? place.openFile(name, of: status) else {
            record.gap = record.gap ?? .unreadable
            return 0
        }
        var blob = BlobDigest(size: status.size, isLong: isLong)
        var left = status.size
        while true {
            guard let piece = try? file.read(upTo: 1 << 20) else {
                record.gap = record.gap ?? .unreadable
                return 0
            }
            if piece.isEmpty { break }
            left -= piece.count
            // A file that grows meanwhile would never end.
            guard left >= 0, Clock.monotonic <= deadline else { return 0 }
            blob.update(piece)
        }
        // The file was written meanwhile: its digest would match no file.
        guard left == 0 else { return 0 }
        return Self.number(blob.digest().prefix(8))
    }

    /// The rule that git itself uses: nothing has changed since the index was written, and the file was not written
    /// in the same moment as the index.
    private func isClean(_ entry: GitIndex.Entry, _ status: FileStatus) -> Bool {
        let (seconds, rest) = status.modified.quotientAndRemainder(dividingBy: 1_000_000_000)
        return entry.size == UInt32(truncatingIfNeeded: status.size)
            && entry.modifiedSeconds == UInt32(truncatingIfNeeded: seconds)
            && Int64(entry.modifiedNanoseconds) == rest && status.modified < written
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

public import Formats
internal import Host
internal import Notes

/// Makes a sub-store smaller without ever taking anything away from a build: what stays is linked into a new
/// generation, `current` is switched to it, and the old generation is deleted once its last lease ends. If it is killed
/// at any point, the store remains valid and the next run finishes the work.
public struct Trim {
    private let store: Store
    let home: ByteString
    let retention: Retention
    private let dryRun: Bool
    /// What takes the time of a trim, file by file.
    public enum Work: Sendable {
        /// Layers that stay get a name in the new generation.
        case linking
        /// Files that go.
        case deleting
    }
    /// Reports progress, for people: so many files of so many.
    public var progress: (Work, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
    /// Tests replace this to simulate a file system without hard links.
    var linkFile: ExportCopier.LinkFile = { (name, file) throws(Errno) in try Files.makeHardLink(name, to: file) }

    /// Trims the sub-store of `store.user`. Without `dryRun` this process must act as that user: root changes to that
    /// user first, so that none of that user's links can mislead root.
    public init(_ store: Store, keeping retention: Retention, dryRun: Bool) {
        self.store = store
        self.retention = retention
        self.dryRun = dryRun
        home = store.layout.subStore(of: store.user)
    }

    /// Trims. Throws if the sub-store is not trusted, or cannot be written; if there is none, there is nothing to do.
    public func run() throws(StoreError) -> Report {
        var report = Report(user: store.user, path: home)
        guard (try? Files.status(home, followLinks: false)) != nil else { return report }
        guard !dryRun else {
            return try store.withCurrentGeneration(of: store.user) { (current) throws(StoreError) in
                try current.map { (current) throws(StoreError) in try plan(report, current) } ?? report
            }
        }
        // Nothing is written until it is certain that no link leads elsewhere.
        try store.checkShared()
        try Store.checkHome(home, store.user)
        guard let lock = try TrimLock.take(in: home, owner: store.user) else {
            report.outcome = .otherTrimAtWork
            report.holders = Self.holders(of: home)
            return report
        }
        try clearLeftovers()
        guard let (current, isRepaired) = try currentOrRepaired() else { return report }
        var inventory = try Inventory(of: current, now: Clock.now)
        report.before = Self.usage(inventory.pool, live: inventory.liveBytes, besides: current)
        report.carried = settleRetired(current, ignoringMarks: isRepaired)
        let hasSwept = try sweepUnfinished(current)
        if report.carried > 0 { inventory = try Inventory(of: current, now: Clock.now) }
        if retention.dropsAll { try markRetired(current) }
        let choice = retention.choose(from: inventory, now: Clock.now)
        report.take(choice)
        let last = try trim(inventory, choice, &report)
        if report.outcome == .inUse { report.forgetDropped() }
        if report.outcome == .nothingToDo && hasSwept { report.outcome = .swept }
        let late = settleRetired(last, ignoringMarks: false)
        report.carried += late
        if case .switched = report.outcome, late == 0 {
            let pool = try Pool(of: last)
            let unions = UnionRecord.all(in: last).flatMap(\.record.blobs)
            report.after = Self.usage(pool, live: pool.bytes(of: choice.blobs.union(unions)), besides: last)
        } else {
            let inventory = try Inventory(of: last, now: Clock.now)
            report.after = Self.usage(inventory.pool, live: inventory.liveBytes, besides: last)
        }
        let left = Self.retired(besides: last)
        report.isSettled = left.isEmpty
        report.holders = (report.outcome == .inUse ? [last] + left : left).flatMap(\.holders)
        lock.finish()
        return report
    }

    private func plan(_ report: Report, _ current: Generation) throws(StoreError) -> Report {
        var report = report
        let inventory = try Inventory(of: current, now: Clock.now)
        let choice = retention.choose(from: inventory, now: Clock.now)
        report.outcome = .planned
        report.before = Self.usage(inventory.pool, live: inventory.liveBytes, besides: current)
        report.after.live = choice.made.reduce(inventory.pool.bytes(of: choice.blobs)) { $0 &+ UInt64($1.bytes) }
        report.after.waiting =
            Self.usage(inventory.pool, live: 0, besides: current) { !ExclusiveLease.isFree($0) }.waiting
        report.after.unfinished = current.holders.isEmpty ? 0 : report.before.unfinished
        report.after.total = report.after.live &+ report.after.waiting &+ report.after.unfinished
        report.take(choice)
        return report
    }

    // MARK: - Steps

    private static let trashPrefix: ByteString = "trash-"
    private static let newPrefix: ByteString = "new-"

    /// Whether something in a sub-store was left by a killed run: the next run removes it.
    public static func isLeftover(_ name: ByteString) -> Bool {
        name.hasPrefix(trashPrefix) || name.hasPrefix(newPrefix)
    }

    private func clearLeftovers() throws(StoreError) {
        try writing { () throws(Errno) in
            for name in try Files.names(in: home, limit: .max) where Self.isLeftover(name) {
                try Files.removeTree(home.appending(path: name))
            }
        }
    }

    /// The current generation. If `current` leads to nothing, a new one is made; what other generations hold is then
    /// carried over.
    private func currentOrRepaired() throws(StoreError) -> (Generation, isRepaired: Bool)? {
        do throws(StoreError) {
            if let current = try store.currentGeneration(of: store.user) { return (current, false) }
            // A repair was killed: generations exist, but `current` is missing.
            let isEmpty = try !names(in: home).contains(where: Generation.isName)
            return isEmpty ? nil : (try store.prepareOwn(), true)
        } catch {
            let link = home.appending(path: StoreLayout.current)
            guard let name = try? Files.readLink(link), Generation.isName(name) else { throw error }
            let pool = Generation(path: home.appending(path: name), owner: store.user).poolPath
            guard Files.isMissing(pool) else { throw error }
            try writing { () throws(Errno) in try Files.remove(link) }
            return (try store.prepareOwn(), true)
        }
    }

    /// The generations of a sub-store besides the current one, by name.
    public static func retired(besides current: Generation) -> [Generation] {
        let home = current.path.parentPath
        let names = (try? Files.names(in: home, limit: .max)) ?? []
        return names.filter { Generation.isName($0) && $0 != current.path.lastPathComponent }.sorted()
            .map { Generation(path: home.appending(path: $0), owner: current.owner) }
    }

    /// Carries over late exports from generations that are no longer used, and deletes those generations. One that
    /// cannot be read stays, and does no harm. Returns how many exports were carried over.
    private func settleRetired(_ current: Generation, ignoringMarks: Bool) -> Int {
        var carried = 0
        for generation in Self.retired(besides: current) {
            guard let lease = (try? ExclusiveLease.take(of: generation, isRetired: true)) ?? nil,
                let count = try? carry(from: generation, to: current, ignoringMarks: ignoringMarks)
            else { continue }
            carried += count
            let trash = home.appending(path: Self.trashPrefix + generation.path.lastPathComponent)
            if (try? Files.removeTree(trash)) != nil, (try? Files.rename(generation.path, to: trash)) != nil {
                delete(trash)
            }
            lease.release()
        }
        return carried
    }

    private func delete(_ trash: ByteString) {
        let pool = trash.appending(path: Generation.pool)
        var (done, total) = (0, (try? Files.names(in: pool, limit: .max))?.count ?? 0)
        try? Files.removeTree(trash) {
            done += 1
            total = max(total, done)
            progress(.deleting, done, total)
        }
    }

    private func carry(from old: Generation, to current: Generation, ignoringMarks: Bool) throws(Errno) -> Int {
        let judged = ignoringMarks ? MarkedExports() : MarkedExports.read(from: old)
        let linkFile = linkFile
        let copier = ExportCopier(source: old, target: current) { (name, file) throws(Errno) in
            do throws(Errno) {
                try linkFile(name, file)
            } catch {
                // Without hard links a blob is moved: the old generation is deleted anyway.
                guard Self.withoutLinks.contains(error) else { throw error }
                if Files.isMissing(name) { try Files.rename(file, to: name) }
            }
        }
        var preflight = Preflight()
        var carried = 0
        for key in try Self.names(in: old.exportsPath) where KeyRecord.isName(key) {
            let folder = old.exportsPath.appending(path: key)
            for name in try Self.names(in: folder) where ExportName(name) != nil {
                guard Files.isMissing(current.exportsPath.appending(path: key).appending(path: name)) else {
                    copier.copyLateRecords(of: name, of: key)
                    continue
                }
                guard !judged.contains(key, name),
                    let manifest = try? preflight.manifest(ofExport: folder.appending(path: name), in: old),
                    let blobs = try? preflight.check(manifest, in: old)
                else { continue }
                try copier.link(blobs.map { $0.digest.hex })
                try copier.copy(name, of: key)
                carried += 1
            }
        }
        return carried
    }

    /// Empty if there is no directory: a file holds no exports, and neither does a missing path.
    private static func names(in path: ByteString) throws(Errno) -> [ByteString] {
        do throws(Errno) {
            return try Files.names(in: path, limit: .max)
        } catch {
            guard error == .noSuchFile || error == .notDirectory else { throw error }
            return []
        }
    }

    /// Deletes what builds have left partly written, unless a build is running; returns whether there was anything. A
    /// running build may be the one that writes it: then it waits for the next run, or until the generation is deleted.
    private func sweepUnfinished(_ current: Generation) throws(StoreError) -> Bool {
        guard current.unfinishedBytes > 0 else { return false }
        var isSwept = false
        try writing { () throws(Errno) in
            isSwept = try ExclusiveLease.withoutBuilds(in: current) { () throws(Errno) in
                for folder in try UnfinishedWrites(of: current).folders { try Files.removeTree(folder) }
            }
        }
        try? Files.remove(current.sizePath)
        return isSwept
    }

    /// What is complete in older generations by now must not be carried over either: everything was to be removed.
    private func markRetired(_ current: Generation) throws(StoreError) {
        for generation in Self.retired(besides: current) {
            var marked = MarkedExports.read(from: generation)
            for key in try names(in: generation.exportsPath) where retention.key == nil || retention.key == key {
                let folder = generation.exportsPath.appending(path: key)
                for name in try names(in: folder) {
                    let index = try? Files.status(
                        folder.appending(path: name).appending(path: Export.index), followLinks: false)
                    if let index, index.size > 0 { marked.insert(key, name) }
                }
            }
            try writing { () throws(Errno) in try marked.write(to: generation) }
        }
    }

    /// How a file system reports that it has no hard links, or no more for this file.
    private static let withoutLinks: [Errno] = [.notPermitted, .notSupported, .tooManyLinks, .crossesDevices]

    /// Returns the generation that is current afterwards.
    private func trim(
        _ inventory: Inventory, _ choice: Retention.Choice, _ report: inout Report
    ) throws(StoreError) -> Generation {
        let current = inventory.generation
        guard
            !choice.dropped.isEmpty || !choice.shortened.isEmpty
                || inventory.pool.bytes(of: choice.blobs.union(inventory.unions)) < inventory.bytes
                || inventory.holdsFailures(before: Clock.now - Self.longestBuild) || current.hasOldLease
                || (retention.dropsAll && current.unfinishedBytes > 0)
        else {
            current.reopen()
            return current
        }
        if let next = try switchGeneration(inventory, choice) {
            report.outcome = .switched(next.path.lastPathComponent)
            return next
        }
        report.outcome = try sweep(current) ? .swept : .inUse
        return current
    }

    /// After this time an export without an index counts as one of a failed build: reason enough for a new
    /// generation.
    private static let longestBuild: Int64 = 3_600_000_000_000

    /// nil if the file system has no hard links or no space.
    private func switchGeneration(
        _ inventory: Inventory, _ choice: Retention.Choice
    ) throws(StoreError) -> Generation? {
        let current = inventory.generation
        let names = Self.retired(besides: current).map(\.path.lastPathComponent) + [current.path.lastPathComponent]
        guard let name = names.max().flatMap(Generation.name(after:)) else {
            throw StoreError(.storeUnreadable, home + " has no name left for a generation")
        }
        let next = Generation(path: home.appending(path: name), owner: store.user)
        let unnamed = Generation(path: home.appending(path: Self.newPrefix + name), owner: store.user)
        let copier = ExportCopier(source: current, target: unnamed, linkFile: linkFile)
        do throws(Errno) {
            try copier.makeTarget()
        } catch {
            return try unmade(unnamed, error)
        }
        do throws(Errno) {
            let blobs = choice.blobs.filter { inventory.pool.files[$0] != nil }
            var linked = 0
            try copier.link(blobs.lazy.map(\.hex)) {
                linked += 1
                progress(.linking, linked, blobs.count)
            }
        } catch {
            return try unmade(unnamed, error)
        }
        do throws(Errno) {
            for export in choice.made { try copier.write(export) }
            for (key, exports) in choice.kept {
                for export in exports { try copier.copy(export.name, of: key, as: export.shortened) }
            }
        } catch {
            return try unmade(unnamed, error)
        }
        UnionPublisher.remake(UnionRecord.all(in: current), of: current, in: unnamed, for: choice.kept.keys)
        try writing { () throws(Errno) in try MarkedExports(inventory).write(to: current) }
        try writing { () throws(Errno) in try Files.rename(unnamed.path, to: next.path) }
        try writing { () throws(Errno) in
            let link = home.appending(path: Self.newPrefix + StoreLayout.current)
            try Files.makeLink(link, to: name)
            try Files.rename(link, to: home.appending(path: StoreLayout.current))
        }
        return next
    }

    /// Undoes what was begun. nil if sweeping in place may work instead: a full disk has no space for another
    /// generation, but this one can get smaller.
    private func unmade(_ unnamed: Generation, _ error: Errno) throws(StoreError) -> Generation? {
        try? Files.removeTree(unnamed.path)
        guard Self.withoutLinks.contains(error) || error == .noSpace || error == .quotaExceeded else {
            throw StoreError(error == .readOnly ? .storeReadOnly : .storeNotWritable, unnamed.path, error)
        }
        return nil
    }

    func names(in path: ByteString) throws(StoreError) -> [ByteString] {
        do throws(Errno) {
            return try Self.names(in: path)
        } catch {
            throw StoreError(.storeUnreadable, path, error)
        }
    }

    func writing(_ body: () throws(Errno) -> Void) throws(StoreError) {
        do throws(Errno) {
            try body()
        } catch {
            throw StoreError(error == .readOnly ? .storeReadOnly : .storeNotWritable, home, error)
        }
    }
}

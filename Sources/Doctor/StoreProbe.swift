internal import BuildCache
internal import Formats
internal import Host
internal import Notes
internal import Planning

extension StoreFacts {
    private static let mostNames = 65_536
    private static let mostExports = 10_000
    /// Younger leftovers may belong to a running process: an hour in nanoseconds.
    private static let young: Int64 = 3_600_000_000_000
    /// The clocks of containers on one machine differ less than this: a minute in nanoseconds.
    private static let tolerance: Int64 = 60_000_000_000

    /// Examines the store of some settings. It creates only one directory, which it removes in the end.
    static func gather(
        _ path: ByteString?, _ settings: Settings, _ context: ProcessContext
    ) -> StoreFacts {
        var facts = StoreFacts(path: path, user: context.user, budget: settings.maximumSize)
        guard let path, let layout = StoreLayout(root: path) else { return facts }
        facts.isUsable = true
        facts.isMade = (try? Files.status(layout.root)) != nil
        let store = Store(layout, user: context.user)
        let limits = StoreLimits(maximumSize: settings.maximumSize, minimumFree: settings.minimumFree)
        let before = facts
        do throws(StoreError) {
            if facts.isMade { try checkRoot(store) }
            facts = try store.withCurrentGeneration(of: store.user) { own in
                var facts = before
                facts.look(at: store, own, limits, context.now)
                return facts
            }
        } catch {
            facts.rejection = error.note
            facts.look(at: store, nil, limits, context.now)
        }
        for owner in Set([store.user, 0] + settings.trustedUsers) {
            let future = try? store.withCurrentGeneration(of: owner) { generation in
                generation.map { exports(in: $0, after: context.now + tolerance) } ?? []
            }
            facts.future += future ?? []
        }
        return facts
    }

    private mutating func look(at store: Store, _ own: Generation?, _ limits: StoreLimits, _ now: Int64) {
        let place = own?.path ?? Self.nearest(store.layout)
        if rejection == nil { tryOut(place, isMade: isMade) }
        fileSystem = try? Files.fileSystem(at: place)
        space = try? Files.space(at: place)
        floor = space.map(limits.floor(of:)) ?? 0
        lookAround(store, own, now)
    }

    private static func checkRoot(_ store: Store) throws(StoreError) {
        if (try? Files.status(store.layout.format, followLinks: false)) != nil { return try store.checkShared() }
        try store.checkRoot()
    }

    /// The deepest existing directory on the way to the user's own sub-store.
    private static func nearest(_ layout: StoreLayout) -> ByteString {
        var path = layout.format
        while path != "/", (try? Files.status(path).kind) != .directory { path = path.parentPath }
        return path
    }

    private mutating func tryOut(_ place: ByteString, isMade: Bool) {
        if isMade {
            trial = StoreTrial(in: place)
        } else {
            // If Slipway has made nothing there yet, nothing is made now.
            trial.place = place
            do throws(Errno) { try Files.check(.write, place) } catch { trial.writing = error }
        }
    }

    private mutating func lookAround(_ store: Store, _ own: Generation?, _ now: Int64) {
        let layout = store.layout
        for name in Self.names(layout.root)
        where name != "lost+found" && !(name.hasPrefix("v") && name.dropFirst(1).decimal != nil) {
            note(layout.root.appending(path: name), now)
        }
        for name in Self.names(layout.format) {
            let path = layout.format.appending(path: name)
            guard name.hasPrefix("u"), let number = name.dropFirst(1).decimal, let user = UInt32(exactly: number),
                let status = try? Files.status(path, followLinks: false), status.kind == .directory
            else {
                note(path, now)
                continue
            }
            subStores.append(
                SubStore(path: path, user: user, owner: status.owner, isWritableByOthers: status.isWritableByOthers))
        }
        guard let own else { return }
        let home = layout.subStore(of: store.user)
        for generation in Trim.retired(besides: own) {
            let holders = generation.holders
            if holders.isEmpty {
                addLeftover(generation.path, now)
            } else if isOld(generation.path, now) {
                held.append(generation.path, by: holders)
            }
        }
        for name in Self.names(home) where Trim.isLeftover(name) { addLeftover(home.appending(path: name), now) }
        held.append(home, by: Trim.holders(of: home))
        for folder in [home, own.path] {
            for name in Self.names(folder) where name.hasSuffix(".tmp") || name.hasPrefix(StoreTrial.prefix) {
                addLeftover(folder.appending(path: name), now)
            }
        }
        used = own.unfinishedBytes
        for name in Self.names(own.poolPath) {
            let size = (try? Files.status(own.poolPath.appending(path: name), followLinks: false))?.size ?? 0
            used = used.addingReportingOverflow(UInt64(max(0, size))).partialValue
        }
    }

    private mutating func note(_ path: ByteString, _ now: Int64) {
        if path.lastPathComponent.hasPrefix(StoreTrial.prefix) { addLeftover(path, now) } else { foreign.append(path) }
    }

    private mutating func addLeftover(_ path: ByteString, _ now: Int64) {
        if isOld(path, now) { leftovers.append(path) }
    }

    private func isOld(_ path: ByteString, _ now: Int64) -> Bool {
        ((try? Files.status(path, followLinks: false).changed) ?? .max) < now - Self.young
    }

    private static func exports(in generation: Generation, after time: Int64) -> [ByteString] {
        var left = mostExports
        var exports: [ByteString] = []
        for key in names(generation.exportsPath) {
            let folder = generation.exportsPath.appending(path: key)
            for name in names(folder) {
                guard left > 0 else { return exports }
                left -= 1
                let path = folder.appending(path: name)
                let index = try? Files.status(path.appending(path: Export.index), followLinks: false)
                if let index, index.modified > time { exports.append(path) }
            }
        }
        return exports
    }

    private static func names(_ folder: ByteString) -> [ByteString] {
        ((try? Files.names(in: folder, limit: mostNames)) ?? []).sorted()
    }
}

extension [ByteString] {
    fileprivate mutating func append(_ path: ByteString, by holders: [LockHolder]) {
        guard !holders.isEmpty else { return }
        append(path + " by " + holders.map(\.text).joined(separator: ", "))
    }
}

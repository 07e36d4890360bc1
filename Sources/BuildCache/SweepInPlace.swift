internal import Formats
internal import Host
internal import Notes

/// Trimming without a second generation, if the file system has no hard links or no space.
extension Trim {
    /// Deletes in place, exports before blobs; false if a build holds the lease.
    func sweep(_ current: Generation) throws(StoreError) -> Bool {
        let isOld = current.hasOldLease
        guard let lease = try ExclusiveLease.take(of: current, isRetired: false) else { return false }
        // A build may have ended since the choice was made, so it is made again, now that no one else can write.
        let inventory = try Inventory(of: current, now: Clock.now)
        let choice = retention.choose(from: inventory, now: Clock.now)
        // The blobs that they name may be removed.
        let unions = UnionRecord.all(in: current)
        for (path, _) in unions { try? Files.remove(path) }
        for name in (try? Files.names(in: current.path, limit: .max)) ?? []
        where name.hasPrefix(Generation.linksPrefix) {
            try? Files.removeTree(current.path.appending(path: name))
        }
        for key in inventory.keys {
            var kept = Set((choice.kept[key.name] ?? []).map(\.name))
            for export in choice.kept[key.name] ?? [] where !shorten(export, of: key.name, in: current) {
                kept.remove(export.name)
            }
            let folder = current.exportsPath.appending(path: key.name)
            try writing { () throws(Errno) in
                for export in key.exports where !kept.contains(export.name) {
                    let path = folder.appending(path: export.name)
                    try? Files.remove(path.appending(path: Export.index))
                    try Files.removeTree(path)
                }
                if kept.isEmpty { try Files.removeTree(folder) }
            }
        }
        let names = try names(in: current.poolPath)
        for (done, name) in names.enumerated() {
            progress(.deleting, done, names.count)
            if let digest = Digest(hex: name.bytes), choice.blobs.contains(digest) { continue }
            try writing { () throws(Errno) in try Files.removeTree(current.poolPath.appending(path: name)) }
        }
        UnionPublisher.remake(unions, of: current, in: current, for: choice.kept.keys)
        try? Files.remove(current.sizePath)
        if isOld { try renewLeases(of: current) }
        current.reopen()
        lease.release()
        return true
    }

    /// Makes new lease files, because others may have the present ones open. A process that has just opened an old
    /// one finds it gone, and looks again.
    private func renewLeases(of current: Generation) throws(StoreError) {
        try writing { () throws(Errno) in
            for path in [current.leasePath, current.readersPath] where !Files.isMissing(path) { try Files.remove(path) }
            try current.makeLeases(mode: try Files.status(current.path, followLinks: false).mode)
        }
    }

    /// Gives a kept export its new index if it loses layers; false if there is no space for that.
    private func shorten(_ export: Retention.Kept, of key: ByteString, in current: Generation) -> Bool {
        guard let shortened = export.shortened else { return true }
        let index = current.exportsPath.appending(path: key).appending(path: export.name).appending(path: Export.index)
        do throws(Errno) {
            let status = try Files.status(index, followLinks: false)
            try ExportCopier(source: current, target: current, linkFile: linkFile).write(shortened)
            try Files.replace(index, with: shortened.index, mode: status.mode)
            try Files.setModified(index, status.modified)
            return true
        } catch {
            return false
        }
    }
}

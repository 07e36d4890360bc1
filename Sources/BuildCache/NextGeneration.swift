internal import Formats
internal import Host

/// Puts exports into another generation than the one they were written to: blobs get a second name there, small files
/// are copied (BuildKit writes index.json in place, so it must not be shared).
struct ExportCopier {
    /// The system call that gives a blob its second name; tests replace it to simulate a file system without hard
    /// links.
    typealias LinkFile = @Sendable (_ name: ByteString, _ file: ByteString) throws(Errno) -> Void

    let source: Generation
    let target: Generation
    let linkFile: LinkFile

    /// Makes an empty generation at `target`, complete except for its final name.
    func makeTarget() throws(Errno) {
        let mode = try Files.status(source.path, followLinks: false).mode & 0o755
        for folder in [target.path, target.path.appending(path: "blobs"), target.poolPath, target.exportsPath] {
            try Files.makeDirectory(folder, mode: mode)
        }
        try target.makeLeases(mode: mode)
    }

    /// Gives blobs a name in the target's pool, too. A blob with an existing name there has the same content.
    func link(_ blobs: some Sequence<ByteString>, linked: () -> Void = {}) throws(Errno) {
        for digits in blobs {
            linked()
            do throws(Errno) {
                try linkFile(target.poolPath.appending(path: digits), source.poolPath.appending(path: digits))
            } catch .fileExists {
                continue
            }
        }
    }

    /// Writes the manifest and config of a shortened export.
    func write(_ export: ShortenedExport) throws(Errno) {
        let mode = try Files.status(target.path, followLinks: false).mode & 0o444
        for (name, text) in export.files {
            try Files.replace(target.poolPath.appending(path: name), with: text, mode: mode)
        }
    }

    /// Copies an export whose blobs are in the target's pool, atomically.
    func copy(_ export: ByteString, of key: ByteString, as shortened: ShortenedExport? = nil) throws(Errno) {
        let (from, home) = (source.exportsPath.appending(path: key), target.exportsPath.appending(path: key))
        let mode = try Files.status(target.path, followLinks: false).mode & 0o755
        do throws(Errno) {
            try Files.makeDirectory(home, mode: mode)
            try? copyFile(from.appending(path: Generation.keyRecord), to: home.appending(path: Generation.keyRecord))
        } catch .fileExists {
            // Another export of this key created it first.
        }
        let unfinished = home.appending(path: Self.unfinishedPrefix + export)
        try Files.removeTree(unfinished)
        try Files.makeDirectory(unfinished, mode: mode)
        try Files.makeDirectory(unfinished.appending(path: "ingest"), mode: mode)
        try Files.makeLink(unfinished.appending(path: "blobs"), to: "../../../blobs")
        let original = from.appending(path: export)
        for file in ["oci-layout", Export.usedRecord] as [ByteString] {
            try? copyFile(original.appending(path: file), to: unfinished.appending(path: file))
        }
        try copyFile(
            original.appending(path: Export.index), to: unfinished.appending(path: Export.index), with: shortened?.index
        )
        copyRecords(from: original, to: unfinished)
        try Files.rename(unfinished, to: home.appending(path: export))
    }

    /// Copies the records that were written beside an export after the export itself was copied.
    func copyLateRecords(of export: ByteString, of key: ByteString) {
        let place = target.exportsPath.appending(path: key).appending(path: export)
        copyRecords(from: source.exportsPath.appending(path: key).appending(path: export), to: place)
    }

    private func copyRecords(from original: ByteString, to target: ByteString) {
        for file in Export.recordNames where Files.isMissing(target.appending(path: file)) {
            copyRecord(original.appending(path: file), to: target.appending(path: file))
        }
    }

    /// The prefix of an export's name while it is being copied: no export's name starts with a dot.
    static let unfinishedPrefix: ByteString = ".new-"

    /// Records are never rewritten, so a hard link suffices; an export without them is still usable.
    private func copyRecord(_ path: ByteString, to target: ByteString) {
        guard (try? Files.status(path, followLinks: false).kind) == .regular else { return }
        do throws(Errno) {
            try linkFile(target, path)
        } catch {
            try? copyFile(path, to: target)
        }
    }

    /// With its mode and times, and with another content if one is given.
    private func copyFile(
        _ path: ByteString, to target: ByteString, with other: ByteString? = nil
    ) throws(Errno) {
        let original = try Descriptor.open(path, followLinks: false)
        let status = try original.status()
        guard status.kind == .regular else { throw .invalid }
        let text = if let other { other } else { try original.readAll(limit: 1 << 20) }
        let copy = try Descriptor.open(target, .create(mode: 0o600), followLinks: false)
        try copy.write(text)
        try copy.setMode(status.mode & 0o755)
        try? Files.setModified(target, status.modified)
    }
}

internal import Formats
public import Host
public import Notes

/// Opens and makes sub-stores. Trust follows ownership: a sub-store counts if it and everything above it belongs to its
/// user (or root), and no one else may write it. A file with an unexpected owner is not read.
public struct Store: Sendable {
    /// The paths in the store.
    public let layout: StoreLayout
    /// The user for whom this process works.
    public let user: UInt32

    /// A store as one user sees it.
    public init(_ layout: StoreLayout, user: UInt32 = Kernel.userID) {
        self.layout = layout
        self.user = user
    }

    /// Checks the shared part: the user or root must own STORE and STORE/v1, and others must be able to move neither
    /// them nor anything in them. Other modes are the operator's choice.
    public func checkShared() throws(StoreError) {
        try checkRoot()
        try checkShared(layout.format, followLinks: false)
    }

    /// Checks STORE alone, before STORE/v1 is made.
    public func checkRoot() throws(StoreError) {
        try checkShared(layout.root, followLinks: true)
        var paths = [layout.root]
        if let real = try? Files.realPath(layout.root), real != layout.root { paths.append(real) }
        for path in paths {
            var above = path
            while above != "/" {
                above = above.parentPath
                // Members of a group may be trusted; who owns the directories above the store is also the operator's
                // choice.
                if let status = try? Files.status(above), status.mode & 0o1002 == 0o002 {
                    throw StoreError(.storeMovable, above)
                }
            }
        }
    }

    private func checkShared(_ path: ByteString, followLinks: Bool) throws(StoreError) {
        let status = try StoreError.status(path, followLinks: followLinks)
        guard status.kind != .symbolicLink else { throw StoreError(.storeNotTrusted, path) }
        guard status.kind == .directory else { throw StoreError(.storeMissing, path + " is no directory") }
        guard status.owner == 0 || status.owner == user else {
            throw StoreError(.storeNotTrusted, path + " is owned by user " + ByteString(decimal: status.owner))
        }
        // Otherwise others could put a link in a sub-store's place while docker writes to it.
        guard !status.isWritableByOthers || status.mode & 0o1000 != 0 else { throw StoreError(.storeMovable, path) }
    }

    /// The current generation of a user's sub-store; nil if that user has none.
    public func currentGeneration(of owner: UInt32) throws(StoreError) -> Generation? {
        let home = layout.subStore(of: owner)
        guard try exists(layout.format), try exists(home) else { return nil }
        try checkShared()
        try Self.checkHome(home, owner)
        let link = home.appending(path: StoreLayout.current)
        guard try exists(link) else { return nil }
        let status = try StoreError.status(link, followLinks: false)
        guard status.kind == .symbolicLink, status.owner == owner else { throw StoreError(.storeNotTrusted, link) }
        let name: ByteString
        do throws(Errno) {
            name = try Files.readLink(link)
        } catch {
            throw StoreError(.storeUnreadable, link, error)
        }
        guard Generation.isName(name) else { throw StoreError(.storeNotTrusted, link + " leads elsewhere") }
        let generation = Generation(path: home.appending(path: name), owner: owner)
        for folder in [generation.path, generation.path.appending(path: "blobs"), generation.poolPath] {
            try Self.checkPrivate(folder, owner)
        }
        return generation
    }

    private func exists(_ path: ByteString) throws(StoreError) -> Bool {
        do throws(Errno) {
            _ = try Files.status(path, followLinks: false)
            return true
        } catch .noSuchFile {
            return false
        } catch {
            throw StoreError(.storeUnreadable, path, error)
        }
    }

    /// Checks the directory of a user's sub-store: the user must own it, and no one else may write it.
    static func checkHome(_ path: ByteString, _ owner: UInt32) throws(StoreError) {
        let holder = try StoreError.status(path, followLinks: false).owner
        guard holder == owner else {
            throw StoreError(.subStoreSquatted, path + " is owned by user " + ByteString(decimal: holder))
        }
        try checkPrivate(path, owner)
    }

    static func checkPrivate(_ path: ByteString, _ owner: UInt32) throws(StoreError) {
        let status = try StoreError.status(path, followLinks: false)
        guard status.kind == .directory, status.owner == owner, !status.isWritableByOthers else {
            throw StoreError(.storeNotTrusted, path)
        }
    }

    /// Makes the missing parts of the user's own sub-store, up to an empty first generation. Existing parts stay as
    /// they are: two shims may do this at once.
    func prepareOwn() throws(StoreError) -> Generation {
        let mask = Kernel.fileCreationMask
        // Users who hide their files hide their layers, too.
        let mode: UInt32 = mask & 0o044 == 0 ? 0o755 : 0o700
        try make(layout.root) { path throws(Errno) in try Files.makeDirectories(path, mode: 0o777 & ~mask & ~0o022) }
        try checkRoot()
        try makeFormat()
        // Checked before anything is made there: a planted link would lead into another user's directory.
        try checkShared()
        let home = layout.subStore(of: user)
        let generation = Generation(path: home.appending(path: Generation.firstName), owner: user)
        try make(home) { path throws(Errno) in try Files.makeDirectory(path, mode: mode) }
        if let current = try currentGeneration(of: user) { return current }
        for folder in [
            generation.path, generation.path.appending(path: "blobs"), generation.poolPath, generation.exportsPath,
        ] {
            try make(folder) { path throws(Errno) in try Files.makeDirectory(path, mode: mode) }
        }
        try make(generation.leasePath) { _ throws(Errno) in try generation.makeLeases(mode: mode) }
        try make(home.appending(path: StoreLayout.current)) { path throws(Errno) in
            try Files.makeLink(path, to: Generation.firstName)
        }
        guard let current = try currentGeneration(of: user) else { throw StoreError(.storeUnreadable, home) }
        return current
    }

    /// STORE/v1 copies the sharing that the operator gave STORE: its mode and group.
    private func makeFormat() throws(StoreError) {
        let above = try StoreError.status(layout.root)
        try make(layout.format) { path throws(Errno) in
            try Files.makeDirectory(path, mode: above.mode)
            let directory = try Descriptor.open(path, followLinks: false)
            if try directory.status().group != above.group {
                // Only a member of the group may set it; otherwise the mode alone has to suffice.
                try? directory.setOwner(user: user, group: above.group)
                try directory.setMode(above.mode)
            }
        }
    }

    private func make(_ path: ByteString, _ body: (ByteString) throws(Errno) -> Void) throws(StoreError) {
        do throws(Errno) {
            try body(path)
        } catch .fileExists {
            return
        } catch {
            let reason: Reason = path == layout.root ? .storeMissing : .storeNotWritable
            throw StoreError(error == .readOnly ? .storeReadOnly : reason, path, error)
        }
    }
}

/// Why a part of the store is not used.
public struct StoreError: Error, Equatable, Sendable {
    /// The reason, with the path that it concerns.
    public let note: Note

    init(_ reason: Reason, _ detail: ByteString, _ cause: Errno? = nil) {
        note = Note(reason, cause.map { detail + " (" + ByteString($0.description) + ")" } ?? detail)
    }

    /// `Files.status`, with an error of the store.
    static func status(_ path: ByteString, followLinks: Bool = true) throws(StoreError) -> FileStatus {
        do throws(Errno) {
            return try Files.status(path, followLinks: followLinks)
        } catch {
            throw StoreError(.storeUnreadable, path, error)
        }
    }
}

internal import BuildCache
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The store in use: whether it works, and what it contains.
struct StoreFacts {
    /// A sub-store by the user number in its name, and its owner.
    struct SubStore: Equatable {
        let path: ByteString
        let user: UInt32
        let owner: UInt32
        let isWritableByOthers: Bool
    }

    /// Its directory; nil if no setting names one and HOME is not set.
    var path: ByteString?
    /// Whether BuildKit's client can send the path.
    var isUsable = false
    /// Whether the directory exists.
    var isMade = false
    var user: UInt32 = 0
    /// Why the user's own sub-store, or something above it, is not used.
    var rejection: Note?
    /// The result of trying to write, lock and link in it.
    var trial = StoreTrial()
    var fileSystem: FileSystem?
    var space: Files.Space?
    /// The bytes that must stay free.
    var floor: UInt64 = 0
    /// The bytes in the user's own pool, and how many it may hold.
    var used: UInt64 = 0
    var budget: UInt64 = .max
    /// The sub-stores of other users.
    var subStores: [SubStore] = []
    /// What earlier runs have left in the user's own sub-store.
    var leftovers: [ByteString] = []
    /// Locks that were held for so long that they are worth mentioning, with their holders.
    var held: [ByteString] = []
    /// Files that do not belong to Slipway.
    var foreign: [ByteString] = []
    /// Exports dated in the future.
    var future: [ByteString] = []

    func findings() -> [Finding] {
        guard let path, isUsable else { return [Finding(.storePathUnusable, path ?? "HOME is not set")] }
        var findings: [Finding] = []
        if let rejection {
            let check: Check =
                switch rejection.reason {
                case .storeNotTrusted: .storeNotTrusted
                case .storeMovable: .storeMovable
                case .subStoreSquatted: .subStoreSquatted
                default: .storeUnreadable
                }
            findings.append(Finding(check, rejection.detail, path: check == .storeMovable ? rejection.detail : path))
        } else {
            findings += trialFindings(path)
        }
        findings += roomFindings(path)
        for subStore in subStores where subStore.user != user {
            let owner = subStore.path + " is owned by user " + ByteString(decimal: subStore.owner)
            if subStore.owner == 65_534 && subStore.user != 65_534 {
                findings.append(Finding(.subStoreUnmapped, owner, path: subStore.path))
            } else if subStore.owner != subStore.user || subStore.isWritableByOthers {
                let what = subStore.owner != subStore.user ? owner : subStore.path + " is writable by others"
                let taken = "sudo slipway store init --shared " + (self.path ?? "").shellQuoted
                findings.append(
                    Finding(
                        .subStoreNotTrusted, what, path: subStore.path,
                        fix: subStore.owner != subStore.user ? taken : nil))
            }
        }
        if !leftovers.isEmpty { findings.append(Finding(.leftovers, .listing(leftovers))) }
        if !held.isEmpty { findings.append(Finding(.storeInUse, .listing(held))) }
        if !foreign.isEmpty { findings.append(Finding(.foreignThings, .listing(foreign), path: path)) }
        if !future.isEmpty {
            let count = ByteString(decimal: future.count) + " of them: "
            findings.append(Finding(.exportsInTheFuture, count + .listing(future, most: 2)))
        }
        if findings.allSatisfy({ $0.severity < .broken }) { findings.append(summary(path)) }
        return findings
    }

    private func summary(_ path: ByteString) -> Finding {
        var text = path
        if let fileSystem { text += ", on " + fileSystem.name }
        if let space { text += ", " + ByteSize.text(space.available) + " free" }
        if isMade { text += ", " + ByteSize.text(used) + " yours" }
        return Finding(isMade ? .storeInOrder : .storeNotMadeYet, text)
    }

    private func trialFindings(_ path: ByteString) -> [Finding] {
        if let failure = trial.writing {
            let check: Check = failure == .readOnly ? .storeReadOnly : .storeNotWritable
            return [Finding(check, trial.place + " (" + ByteString(failure.description) + ")", path: path)]
        }
        var findings: [Finding] = []
        if let failure = trial.locking {
            findings.append(Finding(.storeNotLockable, path + " (" + ByteString(failure.description) + ")"))
        }
        if let failure = trial.linking {
            findings.append(Finding(.storeHasNoLinks, path + " (" + ByteString(failure.description) + ")"))
        }
        return findings
    }

    private func roomFindings(_ path: ByteString) -> [Finding] {
        var findings: [Finding] = []
        if let fileSystem {
            let text = path + " is on " + fileSystem.name
            switch fileSystem.place {
            case .local, .unknown: break
            case .remote: findings.append(Finding(.storeRemote, text))
            case .layered: findings.append(Finding(.storeVolatile, text, path: path))
            case .memory:
                let elsewhere: ByteString = "export SLIPWAY_STORE=\"$HOME/.cache/slipway/buildkit\""
                findings.append(Finding(.storeVolatile, text, fix: elsewhere))
            }
        }
        if let space {
            if space.available < floor {
                let text = ByteSize.text(space.available) + " free, the floor is " + ByteSize.text(floor)
                findings.append(Finding(.diskLow, path + ": " + text))
            }
            if space.totalInodes > 0 && space.availableInodes < StoreLimits.fewestInodes {
                let text = ByteString(decimal: space.availableInodes) + " left"
                findings.append(Finding(.inodesLow, path + ": " + text))
            }
        }
        if used > budget {
            let text = ByteSize.text(used) + " of " + ByteSize.text(budget)
            findings.append(Finding(.storeOverBudget, path + ": " + text))
        }
        return findings
    }
}

/// Tries writing, locking and linking in a temporary directory.
struct StoreTrial {
    /// Where this was tried.
    var place: ByteString = ""
    /// Why nothing can be created there.
    var writing: Errno?
    /// Why a file there cannot be locked.
    var locking: Errno?
    /// Why a file there cannot get a second name.
    var linking: Errno?

    /// The prefix of the directory's name; a directory found later was left by a killed run.
    static let prefix: ByteString = "doctor-"

    /// Tries nothing: for tables and tests.
    init() {}

    /// Tries all three in an existing directory.
    init(in place: ByteString) {
        self.place = place
        let folder = place.appending(path: Self.prefix + Hex.digits(of: Kernel.randomBytes(8)))
        defer { try? Files.removeTree(folder) }
        let file = folder.appending(path: "file")
        do throws(Errno) {
            try Files.makeDirectory(folder, mode: 0o700)
            let descriptor = try Descriptor.open(file, .create(mode: 0o600), followLinks: false)
            try descriptor.write("x")
            do throws(Errno) { try descriptor.lock(.exclusive) } catch { locking = error }
        } catch {
            writing = error
            return
        }
        do throws(Errno) { try Files.makeHardLink(folder.appending(path: "link"), to: file) } catch { linking = error }
    }
}

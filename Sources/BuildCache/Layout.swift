public import Formats
internal import Host

/// Where things stand in a store, by name alone (docs/design.md, "The store"):
///
///     STORE/v1/u0/current -> gen-000001
///     STORE/v1/u0/gen-000001/{lease,readers,size,blobs/sha256/,exports/KEY/{key.json,ID/}}
public struct StoreLayout: Equatable, Sendable {
    /// The directory that the operator or the settings name.
    public let root: ByteString

    /// A store by its directory, which must be absolute and printable ASCII; else nil. BuildKit's client sends the path in a
    /// gRPC header, which refuses anything else: noise in every build, and no hits.
    public init?(root: ByteString) {
        guard root.hasPrefix("/"), root.isPrintableASCII else { return nil }
        self.root = root.cleanedPath
    }

    /// The link in a sub-store that leads to its current generation.
    static let current: ByteString = "current"

    /// The directory of this format. A later format is a sibling.
    public var format: ByteString { root.appending(path: "v1") }

    /// The sub-store of one user.
    public func subStore(of user: UInt32) -> ByteString { format.appending(path: "u" + ByteString(decimal: user)) }

    /// Whether a path, wherever its store, lies in somebody's generation: how options of ours are known again.
    public static func isInGeneration(_ path: ByteString) -> Bool {
        let parts = path.split("/")
        return parts.indices.contains { index in
            index + 2 < parts.count && parts[index] == "v1" && parts[index + 1].hasPrefix("u")
                && parts[index + 1].dropFirst(1).decimal != nil && Generation.isName(parts[index + 2])
        }
    }
}

/// One generation of a sub-store: a pool of blobs and the exports over it.
public struct Generation: Hashable, Sendable {
    /// Its directory.
    public let path: ByteString
    /// The user whose sub-store it is: owner of everything in it that counts.
    public let owner: UInt32
    /// Whose blobs it links to, where it is no generation but a folder of links that is made for unions over several; else empty.
    var lenders: [Generation] = []

    /// Where exports are looked for.
    var sources: [Generation] { lenders.isEmpty ? [self] : lenders }
    /// Whether a layer may belong to a user.
    func isOwner(_ user: UInt32) -> Bool { user == owner || lenders.contains { $0.owner == user } }
    /// The files whose locks keep there what is imported from here.
    public var leasePaths: [ByteString] { sources.map(\.leasePath) }

    init(path: ByteString, owner: UInt32) {
        self.path = path
        self.owner = owner
    }

    /// The name of a sub-store's first generation.
    static let firstName: ByteString = "gen-000001"

    /// The file whose lock is the lease of the owner's own builds: readable to nobody else.
    public var leasePath: ByteString { path.appending(path: "lease") }
    /// The file whose lock is the lease of others' builds, who import from here: readable to all who may read the blobs.
    public var readersPath: ByteString { path.appending(path: "readers") }
    /// The file whose time says since when this generation waits for readers and takes no new ones.
    var closedPath: ByteString { path.appending(path: "closed") }
    /// The remembered size.
    var sizePath: ByteString { path.appending(path: "size") }
    /// The pool, from a generation.
    public static let pool: ByteString = "blobs/sha256"
    /// Every blob once, by its digest's digits.
    public var poolPath: ByteString { path.appending(path: Self.pool) }
    /// The exports, by key.
    public var exportsPath: ByteString { path.appending(path: "exports") }

    /// The file in a key's directory that says what the key is of.
    public static let keyRecord: ByteString = "key.json"

    /// What folders of links begin with.
    static let linksPrefix: ByteString = "links-"

    /// A folder of links in this generation over the pools of some, itself among them. It holds for these very generations: once one
    /// of them is replaced there is another.
    func links(over lenders: [Generation]) -> Generation {
        let names = lenders.map { $0.nameInStore }.joined(separator: "\n")
        let name = Self.linksPrefix + Slug.tag(of: names, digits: 16)
        var links = Generation(path: path.appending(path: name), owner: owner)
        links.lenders = lenders
        return links
    }

    /// "u0/gen-000001": the same wherever the store is mounted.
    private var nameInStore: ByteString { path.parentPath.lastPathComponent.appending(path: path.lastPathComponent) }

    /// Makes a folder of links, and in it a link to each of some blobs that is not there yet.
    func link(_ blobs: [ByteString], most: Int) throws(Errno) {
        let mode = try Files.status(path.parentPath, followLinks: false).mode & 0o755
        for folder in [path, path.appending(path: "blobs"), poolPath] {
            do throws(Errno) { try Files.makeDirectory(folder, mode: mode) } catch .fileExists { continue }
        }
        var made = 0
        for blob in blobs {
            let link = poolPath.appending(path: blob)
            guard Files.isMissing(link) else { continue }
            let lender = lenders.first {
                (try? Files.status($0.poolPath.appending(path: blob), followLinks: false).kind) == .regular
            }
            guard let lender else { throw .noSuchFile }
            made += 1
            guard made <= most else { throw .tooLarge }
            do throws(Errno) {
                // From STORE/v1/u1/gen-000001/links-0/blobs/sha256.
                try Files.makeLink(
                    link, to: "../../../../../" + lender.nameInStore.appending(path: Self.pool).appending(path: blob))
            } catch .fileExists {
                continue
            }
        }
    }

    func keyPath(_ key: Key) -> ByteString { exportsPath.appending(path: key.directoryName) }

    /// The blob of a digest such as "sha256:..."; nil for any other text.
    func blobPath(_ digest: ByteString) -> ByteString? {
        guard digest.hasPrefix("sha256:"), digest.count == 71 else { return nil }
        let digits = digest.dropFirst(7)
        guard digits.bytes.allSatisfy({ Hex.value(of: $0) != nil && !(0x41...0x46).contains($0) }) else { return nil }
        return poolPath.appending(path: digits)
    }

    /// The name of the generation that follows one of this name; nil when that is no name, or the last.
    static func name(after name: ByteString) -> ByteString? {
        guard isName(name), let number = name.dropFirst(4).decimal, number < 999_999 else { return nil }
        return "gen-" + ByteString(String(1_000_001 + number)).suffix(6)
    }

    /// "gen-" and six digits: nothing else may stand behind `current`.
    public static func isName(_ name: ByteString) -> Bool {
        name.count == 10 && name.hasPrefix("gen-") && name.dropFirst(4).decimal != nil
    }
}

/// The name of one export: `BRANCH.BRANCH8.ARGS3.TIME10-RANDOM16`. Everything that choosing needs stands in it, so that a
/// listing of the directory is enough.
struct ExportName: Equatable {
    let variant: Variant
    /// Seconds since 1970 when the build began.
    let started: Int64
    let random: ByteString

    init(variant: Variant, started: Int64, random: ByteString) {
        self.variant = variant
        self.started = started
        self.random = random
    }

    /// nil for any name that is not one of ours.
    init?(_ name: ByteString) {
        // Read from the end: the slug may hold dots and dashes itself.
        guard let (front, random) = name.cutLast(at: "-"), random.count == 16,
            let (middle, time) = front.cutLast(at: "."), time.count == 10, let started = Int64(time.lossy, radix: 16),
            let (branch, arguments) = middle.cutLast(at: "."), arguments.count == 3, branch.contains("."),
            (arguments + random).bytes.allSatisfy({ Hex.value(of: $0) != nil })
        else { return nil }
        self.init(
            variant: Variant(branchTag: branch, argumentsTag: arguments), started: started, random: random)
        // A time with a sign or with capitals is none of ours.
        guard text == name else { return nil }
    }

    var text: ByteString {
        let time = ByteString(String(max(0, started), radix: 16)).suffix(10).zeroPadded(to: 10)
        return [variant.branch, variant.arguments, time].joined(separator: ".") + "-" + random
    }
}

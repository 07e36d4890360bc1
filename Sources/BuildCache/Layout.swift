public import Formats
internal import Host

/// The paths in a store (docs/design.md, "The store"):
///
///     STORE/v1/u0/current -> gen-000001
///     STORE/v1/u0/gen-000001/{lease,readers,size,blobs/sha256/,exports/KEY/{key.json,ID/}}
public struct StoreLayout: Equatable, Sendable {
    /// The directory that the operator or the settings name.
    public let root: ByteString

    /// A store in this directory, which must be absolute and printable ASCII; otherwise nil. BuildKit's client sends
    /// the path in a gRPC header, which refuses anything else: every build would print errors and get no hits.
    public init?(root: ByteString) {
        guard root.hasPrefix("/"), root.isPrintableASCII else { return nil }
        self.root = root.cleanedPath
    }

    /// The link in a sub-store to its current generation.
    static let current: ByteString = "current"

    /// The directory of this format. A later format gets a sibling directory.
    public var format: ByteString { root.appending(path: "v1") }

    /// The sub-store of one user.
    public func subStore(of user: UInt32) -> ByteString { format.appending(path: "u" + ByteString(decimal: user)) }

    /// Whether a path lies in a generation of any user, in whatever store: this recognizes the options that Slipway
    /// added.
    public static func isInGeneration(_ path: ByteString) -> Bool {
        let parts = path.split("/")
        return parts.indices.contains { index in
            index + 2 < parts.count && parts[index] == "v1" && parts[index + 1].hasPrefix("u")
                && parts[index + 1].dropFirst(1).decimal != nil && Generation.isName(parts[index + 2])
        }
    }
}

/// One generation of a sub-store: a pool of blobs and the exports that use it.
public struct Generation: Hashable, Sendable {
    /// Its directory.
    public let path: ByteString
    /// The user whose sub-store it is. Only what this user owns counts.
    public let owner: UInt32
    /// The generations whose blobs it links to, if it is not a generation but a folder of links for unions over
    /// several; otherwise empty.
    var lenders: [Generation] = []

    /// The generations in which to look for exports.
    var sources: [Generation] { lenders.isEmpty ? [self] : lenders }
    /// Whether a layer may belong to this user.
    func isOwner(_ user: UInt32) -> Bool { user == owner || lenders.contains { $0.owner == user } }
    /// The files whose locks keep in place what is imported from here.
    public var leasePaths: [ByteString] { sources.map(\.leasePath) }

    init(path: ByteString, owner: UInt32) {
        self.path = path
        self.owner = owner
    }

    /// The name of a sub-store's first generation.
    static let firstName: ByteString = "gen-000001"

    /// The file whose lock is the lease of the owner's own builds: no one else can read it.
    public var leasePath: ByteString { path.appending(path: "lease") }
    /// The file whose lock is the lease of other users' builds that import from here: everyone who may read the blobs
    /// can read it.
    public var readersPath: ByteString { path.appending(path: "readers") }
    /// The file whose modification time tells when this generation stopped accepting new readers and began to wait
    /// for the present ones.
    var closedPath: ByteString { path.appending(path: "closed") }
    /// The file with the remembered size.
    var sizePath: ByteString { path.appending(path: "size") }
    /// The pool's path inside a generation.
    public static let pool: ByteString = "blobs/sha256"
    /// Every blob once, named by the digits of its digest.
    public var poolPath: ByteString { path.appending(path: Self.pool) }
    /// The exports, by key.
    public var exportsPath: ByteString { path.appending(path: "exports") }

    /// The file in a key's directory that describes the key.
    public static let keyRecord: ByteString = "key.json"

    /// The prefix of folders of links.
    static let linksPrefix: ByteString = "links-"

    /// The folder of links in this generation over the pools of several generations, including itself. It belongs to
    /// exactly these generations: once one of them is replaced, another folder is used.
    func links(over lenders: [Generation]) -> Generation {
        let names = lenders.map { $0.nameInStore }.joined(separator: "\n")
        let name = Self.linksPrefix + Slug.tag(of: names, digits: 16)
        var links = Generation(path: path.appending(path: name), owner: owner)
        links.lenders = lenders
        return links
    }

    /// "u0/gen-000001": independent of where the store is mounted.
    private var nameInStore: ByteString { path.parentPath.lastPathComponent.appending(path: path.lastPathComponent) }

    /// Makes a folder of links, and in it the missing links to some blobs.
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
                // Relative to STORE/v1/u1/gen-000001/links-0/blobs/sha256.
                try Files.makeLink(
                    link, to: "../../../../../" + lender.nameInStore.appending(path: Self.pool).appending(path: blob))
            } catch .fileExists {
                continue
            }
        }
    }

    func keyPath(_ key: Key) -> ByteString { exportsPath.appending(path: key.directoryName) }

    /// The path of a blob.
    func blobPath(_ digest: Digest) -> ByteString { poolPath.appending(path: digest.hex) }

    /// The name of the next generation; nil if this is not a generation's name, or the last one.
    static func name(after name: ByteString) -> ByteString? {
        guard isName(name), let number = name.dropFirst(4).decimal, number < 999_999 else { return nil }
        return "gen-" + ByteString(String(1_000_001 + number)).suffix(6)
    }

    /// "gen-" and six digits: `current` may lead to nothing else.
    public static func isName(_ name: ByteString) -> Bool {
        name.count == 10 && name.hasPrefix("gen-") && name.dropFirst(4).decimal != nil
    }
}

/// The name of one export: `BRANCH.BRANCH8.ARGS3.TIME10-RANDOM16`. It contains everything needed to choose an export,
/// so that listing the directory is enough.
struct ExportName: Equatable {
    let variant: Variant
    /// When the build started, in seconds since 1970.
    let started: Int64
    let random: ByteString

    init(variant: Variant, started: Int64, random: ByteString) {
        self.variant = variant
        self.started = started
        self.random = random
    }

    /// nil for a name that Slipway did not make.
    init?(_ name: ByteString) {
        // Parsed from the end, because the slug may contain dots and dashes.
        guard let (front, random) = name.cutLast(at: "-"), random.count == 16,
            let (middle, time) = front.cutLast(at: "."), time.count == 10, let started = Int64(time.lossy, radix: 16),
            let (branch, arguments) = middle.cutLast(at: "."), arguments.count == 3, branch.contains("."),
            (arguments + random).bytes.allSatisfy({ Hex.value(of: $0) != nil })
        else { return nil }
        self.init(
            variant: Variant(branchTag: branch, argumentsTag: arguments), started: started, random: random)
        // A time with a sign or with capitals is foreign.
        guard text == name else { return nil }
    }

    var text: ByteString {
        let time = ByteString(String(max(0, started), radix: 16)).suffix(10).zeroPadded(to: 10)
        return [variant.branch, variant.arguments, time].joined(separator: ".") + "-" + random
    }
}

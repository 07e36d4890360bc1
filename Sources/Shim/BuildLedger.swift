public import Formats
public import History
internal import Host

/// What became of builds, a JSON line each, among the user's own files: for `slipway stats`, and for the setting `export = auto`.
public enum BuildLedger {
    private static let largest = 4 << 20
    private static let longest = 16 << 20
    /// Dockerfiles of one repository whose exports do not pay.
    private static let mostVerdicts = 64
    /// Commands whose builds exported nothing and are kept.
    private static let mostCommands = 16

    /// The ledger's files, the older first.
    public static var files: [ByteString] {
        guard let folder = Locations.state else { return [] }
        return [folder.appending(path: "builds.1.jsonl"), folder.appending(path: "builds.jsonl")]
    }

    /// All that is known, in the order in which it was written; lines that are torn are left out.
    public static var entries: [LedgerEntry] {
        files.flatMap { file in
            let text = (try? Files.read(file, limit: longest, followLinks: false)) ?? ""
            return text.split("\n").compactMap { LedgerEntry($0) }
        }
    }

    /// The records of builds that exported nothing.
    public static var records: ByteString? { Locations.state?.appending(path: "builds") }

    /// The folder of one of them, of a command's first build, second...: begins with its time, so that names are in order.
    static func name(began: Int64, process: Int32, number: Int) -> ByteString {
        let time = ByteString(String(max(0, began / 1_000_000_000), radix: 16)).zeroPadded(to: 10)
        return time + "-" + ByteString(decimal: process) + "-" + ByteString(decimal: number).zeroPadded(to: 4)
    }

    /// Takes away the records of all commands but the last ones, so that one more can be kept.
    static func makeRoom() {
        guard let home = records, let names = try? Files.names(in: home, limit: 65_536) else { return }
        func command(_ name: ByteString) -> ByteString { name.cutLast(at: "-")?.before ?? name }
        let kept = names.map(command).withoutRepeats.sorted().suffix(mostCommands - 1)
        for name in names where !kept.contains(command(name)) { try? Files.removeTree(home.appending(path: name)) }
    }

    /// The folders of a command's builds that exported nothing. `time` is when it was written down, in seconds since 1970.
    public static func folders(of process: Int, around time: Int) -> [ByteString] {
        guard let home = records else { return [] }
        return ((try? Files.names(in: home, limit: 65_536)) ?? []).sorted().filter { name in
            let words = name.split("-")
            guard words.count == 3, words[1].decimal == process, let began = Int(words[0].lossy, radix: 16) else {
                return false
            }
            return (began &- time).magnitude <= 60
        }.map { home.appending(path: $0) }
    }

    /// Appends what became of a build.
    static func append(_ build: LedgerEntry) {
        guard let file = files.last, let older = files.first else { return }
        try? Files.append(line: build.json.text, to: file, older: older, largest: largest)
    }

    /// Judges anew whether exports of the repositories pay whose builds a command has just appended.
    static func judge(_ builds: [LedgerEntry]) {
        // Without exports there is nothing to judge: an old verdict stands.
        let exported = builds.filter { $0.export != nil && !$0.dockerfile.isEmpty }
        guard !exported.isEmpty else { return }
        let accounts = BuildAccount.accounts(of: entries)
        for repository in exported.map(\.repository).withoutRepeats {
            guard let account = accounts.first(where: { $0.repository == repository }) else { continue }
            judge(account, exported.filter { $0.repository == repository }.map(\.dockerfile).withoutRepeats)
        }
    }

    private static func verdict(of repository: ByteString) -> ByteString? {
        Locations.state?.appending(path: "losses").appending(path: SHA256.hexDigest(of: repository).prefix(16))
    }

    /// A repository whose exports do not pay has a file that says so, a line for each of these very Dockerfiles: read by shims in
    /// an instant.
    private static func judge(_ account: BuildAccount, _ dockerfiles: [ByteString]) {
        guard let path = verdict(of: account.repository) else { return }
        guard !account.pays else {
            try? Files.remove(path)
            return
        }
        let words =
            " exports took " + seconds(account.recent.exporting) + " s and saved " + seconds(account.recent.saved)
            + " s in the last " + ByteString(decimal: account.recent.commands) + " builds"
        let older = lines(of: path).filter { line in !dockerfiles.contains { line.hasPrefix($0 + " ") } }
        let lines = older + dockerfiles.map { $0 + words }
        try? Files.makeDirectories(path.parentPath, mode: 0o700)
        try? Files.replace(path, with: lines.suffix(mostVerdicts).joined(separator: "\n") + "\n", mode: 0o600)
    }

    private static func lines(of path: ByteString) -> [ByteString] {
        let text = (try? Files.read(path, limit: 16_384, followLinks: false)) ?? ""
        return text.split("\n").filter { !$0.isEmpty }
    }

    private static func seconds(_ time: Int64) -> ByteString {
        ByteString(decimal: (time &+ 500_000_000) / 1_000_000_000)
    }

    /// Why exports of a repository with this Dockerfile do not pay; nil when they do, or nothing is known.
    static func loss(of repository: ByteString, dockerfile: ByteString) -> ByteString? {
        guard let path = verdict(of: repository),
            (try? Files.status(path, followLinks: false).owner) == Kernel.userID,
            let line = lines(of: path).first(where: { $0.hasPrefix(dockerfile + " ") })
        else { return nil }
        return line.cut(at: " ")?.after
    }
}

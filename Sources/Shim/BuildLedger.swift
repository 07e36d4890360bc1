public import Formats
public import History
internal import Host

/// The results of builds, one JSON line each, among the user's own files: for `slipway stats`, and for the setting
/// `export = auto`.
public enum BuildLedger {
    private static let largest = 4 << 20
    private static let longest = 16 << 20
    /// The most Dockerfiles of one repository to remember as not worth exporting.
    private static let mostVerdicts = 64
    /// The most commands whose builds exported nothing to keep records of.
    private static let mostCommands = 16

    /// The ledger's files, the older one first.
    public static var files: [ByteString] {
        guard let folder = Locations.state else { return [] }
        return [folder.appending(path: "builds.1.jsonl"), folder.appending(path: "builds.jsonl")]
    }

    /// All entries, in the order in which they were written; incomplete lines are skipped.
    public static var entries: [LedgerEntry] {
        files.flatMap { file in
            let text = (try? Files.read(file, limit: longest, followLinks: false)) ?? ""
            return text.split("\n").compactMap { LedgerEntry($0) }
        }
    }

    /// The directory with the records of builds that exported nothing.
    public static var records: ByteString? { Locations.state?.appending(path: "builds") }

    /// The name of one record's directory. `number` counts the builds of the command. Names begin with the time, so
    /// they sort by it.
    static func name(began: Int64, process: Int32, number: Int) -> ByteString {
        let time = ByteString(String(max(0, began / 1_000_000_000), radix: 16)).zeroPadded(to: 10)
        return time + "-" + ByteString(decimal: process) + "-" + ByteString(decimal: number).zeroPadded(to: 4)
    }

    /// Makes room for one more command's records by removing the oldest ones.
    static func makeRoom() {
        guard let home = records, let names = try? Files.names(in: home, limit: 65_536) else { return }
        func command(_ name: ByteString) -> ByteString { name.cutLast(at: "-")?.before ?? name }
        let kept = names.map(command).withoutRepeats.sorted().suffix(mostCommands - 1)
        for name in names where !kept.contains(command(name)) { try? Files.removeTree(home.appending(path: name)) }
    }

    /// The directories for a command's builds that exported nothing. `time` is when the command was recorded, in
    /// seconds since 1970.
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

    /// Appends a build.
    static func append(_ build: LedgerEntry) {
        guard let file = files.last, let older = files.first else { return }
        try? Files.append(line: build.json.text, to: file, older: older, largest: largest)
    }

    /// Updates the verdicts on whether exporting pays, for the repositories of builds that a command has just appended.
    static func judge(_ builds: [LedgerEntry]) {
        // Without exports there is nothing to judge, so an old verdict remains.
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

    /// If a repository's exports do not pay, writes that to a file with a line for each of these exact Dockerfiles, so
    /// that the shim can look it up quickly.
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

    /// Why exports of a repository with this Dockerfile do not pay; nil if they do, or if nothing is known.
    static func loss(of repository: ByteString, dockerfile: ByteString) -> ByteString? {
        guard let path = verdict(of: repository),
            (try? Files.status(path, followLinks: false).owner) == Kernel.userID,
            let line = lines(of: path).first(where: { $0.hasPrefix(dockerfile + " ") })
        else { return nil }
        return line.cut(at: " ")?.after
    }
}

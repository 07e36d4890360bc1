internal import BuildHistory
public import Formats
internal import Host
internal import Why

/// What became of builds, a JSON line each, among the user's own files: for `slipway stats`, and for the setting `export = auto`.
public enum BuildLedger {
    private static let largest = 4 << 20

    /// The ledger's files, the older first.
    public static var files: [ByteString] {
        guard let folder = Locations.state else { return [] }
        return [folder.appending(path: "builds.1.jsonl"), folder.appending(path: "builds.jsonl")]
    }

    /// The records of builds that exported nothing.
    public static var records: ByteString? { Locations.state?.appending(path: "builds") }

    /// The folder of one of them: begins with its time, so that names are in order.
    static func name(began: Int64, process: Int32) -> ByteString {
        let digits = ByteString(String(max(0, began / 1_000_000_000), radix: 16))
        return ByteString(repeatElement(UInt8(ascii: "0"), count: max(0, 10 - digits.count))) + digits + "-"
            + ByteString(decimal: process)
    }

    /// Appends what became of a build.
    static func append(_ outcome: BuildOutcome, of record: BuildRecord, export: ByteString?) {
        guard let file = files.last, let older = files.first else { return }
        let line = JSON.object([
            "began": .integer(record.began / 1_000_000_000), "pid": .integer(record.process),
            "repository": .string(record.repository), "context": .string(record.context),
            "export": export.map(JSON.string) ?? .null, "outcome": outcome.json,
        ]).text
        do throws(Errno) {
            try Files.makeDirectories(file.parentPath, mode: 0o700)
            let ledger = try Descriptor.open(file, .append(mode: 0o600), followLinks: false)
            let status = try ledger.status()
            guard status.kind == .regular, status.owner == Kernel.userID else { return }
            try ledger.write(line + "\n")
            guard status.size > largest else { return }
            try ledger.lock(.exclusive)
            if try Files.status(file).isSameFile(as: status) { try Files.rename(file, to: older) }
        } catch {
            return
        }
    }
}

import BuildCache
import Formats
import History
import Planning
import Shim

/// What `slipway stats` reports about one repository.
struct RepositoryAccount {
    let account: BuildAccount
    /// The bytes that the exports added to the store and that are still there.
    let bytes: UInt64

    static func all(since moment: Int?) -> [RepositoryAccount] {
        let entries = BuildLedger.entries.filter { $0.began >= moment ?? 0 }
        var reached: Set<ByteString> = []
        var bytes: [ByteString: UInt64] = [:]
        for entry in entries {
            let export = entry.export.flatMap { ArrivedExport(at: $0) }
            bytes[entry.repository, default: 0] &+= export?.bytes(since: entry.began, besides: &reached) ?? 0
        }
        return BuildAccount.accounts(of: entries).map { .init(account: $0, bytes: bytes[$0.repository] ?? 0) }
    }

    var json: JSON {
        .object([
            "repository": .string(account.repository), "builds": .integer(account.builds),
            "steps": .integer(account.steps), "cached": .integer(account.cached),
            "saved": .integer(Self.seconds(account.saved)), "exports": .integer(account.exports),
            "exporting": .integer(Self.seconds(account.exporting)), "bytes": .integer(bytes),
            "pays": .bool(account.pays),
        ])
    }

    var text: ByteString {
        func count(_ number: some BinaryInteger, _ what: ByteString) -> ByteString {
            ByteString(decimal: number) + what
        }
        // By the origin that the tree names, which is not verified.
        let head =
            Output.lines(["what calls itself " + account.repository]) + "  "
            + Terminal.bar(UInt64(clamping: account.cached), of: UInt64(clamping: account.steps), .green)
        var lines = [
            count(account.builds, " builds, ") + count(account.cached, " of ")
                + count(account.steps, " steps cached, about ") + count(Self.seconds(account.saved), " s saved"),
            "  " + count(account.exports, " exports, ") + count(Self.seconds(account.exporting), " s, ")
                + ByteSize.text(bytes) + " new in the store",
        ]
        if !account.pays {
            lines.append(
                "  export costs more than it returns: " + count(Self.seconds(account.recent.exporting), " s for ")
                    + count(Self.seconds(account.recent.saved), " s saved in the last ")
                    + count(account.recent.commands, " builds; the setting export = auto leaves it out"))
        }
        return head + Output.lines(lines)
    }

    private static func seconds(_ time: Int64) -> Int64 { (max(0, time) &+ 500_000_000) / 1_000_000_000 }
}

import ArgumentParser
import BuildCache
import Formats
import History
import Host
import Notes
import Planning
import Shim

/// `slipway stats`
struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Summarize what the shim decided.",
        discussion: """
            A bake imports and exports for each of its targets. Below the imports it shows what was left out of them, \
            and why. An export has arrived if its index is in the store; a failed build leaves none. The bytes of \
            exports are those of the files that are in the store now: each file counts for the first build that \
            reaches it, unless it is older than that build. Then follows, for each repository, what the engines' \
            history says about its builds (record = on, buildx 0.21 and later). Seconds saved are an estimate: how \
            long the cached steps of importing builds took when they last ran. If exports took longer than they saved \
            in the last ten builds, export = auto skips them until the Dockerfile changes.
            """)

    @Flag(
        help: """
            Print JSON: entries, first, last, commands, builds, changed, imported, exported, arrived, bytes, declined, \
            waited, reasons, leftOut, remote, repositories. Times are seconds since 1970, or null; waited is in seconds. \
            commands has counts by kind, and builds is the count of the kind build; imported, exported and arrived count \
            each target of a bake. reasons has code, sentence and count for unchanged commands, the most frequent first; \
            leftOut has the same for what was left out of imports, and remote for transfers and failures of the registry. \
            repositories has repository, builds, steps, cached, saved, exports, exporting, bytes and pays, with times in \
            seconds.
            """)
    var json = false

    @OptionGroup var since: Since

    func run() {
        let statistics = JournalStatistics(
            of: JournalEntry.entries(of: Journal.files), JournalFilter(since: since.moment))
        let accounts = RepositoryAccount.all(since: since.moment)
        if json {
            let repositories = JSON.Member(name: "repositories", value: .array(accounts.map(\.json)))
            Output.write(.object((statistics.json.members ?? []) + [repositories]))
        } else {
            Output.write(coloured: Self.text(of: statistics) + accounts.map(\.text).joined(separator: ""))
        }
    }

    static func text(of statistics: JournalStatistics) -> ByteString {
        guard let first = statistics.first, let last = statistics.last else { return "nothing was recorded\n" }
        func row(_ name: ByteString, _ count: Int, _ rest: ByteString = "") -> ByteString {
            name.padded(to: 18) + "  " + ByteString(decimal: count).padded(left: 6)
                + (rest.isEmpty ? "" : "  " + rest)
        }
        var lines = ["from " + Timestamp.text(first) + " to " + Timestamp.text(last)]
        let kinds = statistics.commands.map { ByteString(decimal: $0.count) + " " + $0.name }
        lines.append(row("commands", statistics.entries, kinds.joined(separator: ", ")))
        lines.append(row("changed", statistics.changed))
        func rows(_ reasons: [JournalStatistics.Count]) -> [ByteString] {
            reasons.map { reason in
                row("  " + reason.name, reason.count, Reason(code: reason.name).map { ByteString($0.sentence) } ?? "")
            }
        }
        lines.append(row("imports", statistics.imported))
        lines += rows(statistics.leftOut)
        if statistics.waited > 0 { lines.append(row("  waited", statistics.waited, "seconds for the same builds")) }
        lines.append(row("exports", statistics.exported))
        lines.append(row("  arrived", statistics.arrived, ByteSize.text(statistics.bytes) + " new in the store"))
        lines.append(row("unchanged", statistics.declined))
        lines += rows(statistics.reasons)
        if !statistics.remote.isEmpty {
            lines.append(row("registry", statistics.remote.reduce(0) { $0 + $1.count }))
            lines += rows(statistics.remote)
        }
        return Output.lines(lines)
    }
}

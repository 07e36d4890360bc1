import ArgumentParser
import BuildCache
import Formats
import History
import Host
import Planning
import Report
import Shim

/// `slipway metrics`
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print counters of builds, hits and misses for a monitoring system.",
        discussion: """
            Commands, builds, cached and executed steps, misses by cause, seconds saved, bytes, trims and the \
            registry's failures; docs/metrics.md lists all of them. The sums are kept, so the counters continue when a \
            new journal begins. Each user has their own counters, distinguished by the label user. Exits with 1 if the \
            counters cannot be kept or FILE cannot be written.

              slipway metrics
              slipway metrics --format prometheus --output /var/lib/prometheus/node-exporter/slipway-1000.prom
            """)

    enum Format: String, ExpressibleByArgument { case openmetrics, prometheus }

    @Option(
        help: """
            openmetrics, or prometheus: the older text format, which node_exporter's textfile collector reads.
            """, completion: .list(["openmetrics", "prometheus"]))
    var format = Format.openmetrics

    @Option(
        help: ArgumentHelp(
            "Write to FILE instead, readable for all: its readers see either the old or the new text.",
            valueName: "file"),
        completion: .file())
    var output: String?

    func run() throws {
        var metrics = Self.kept ?? Metrics()
        let former = metrics
        metrics.count()
        let text = metrics.text(
            format == .openmetrics ? .openmetrics : .prometheus, user: Kernel.userID,
            version: ByteString(Release.version), store: Metrics.Store.own)
        if let output {
            let path = ByteString(output)
            do throws(Errno) {
                // Another program reads it, as another user.
                try Files.replace(path, with: text, mode: 0o644)
            } catch {
                Output.complain(
                    "cannot write " + path + ": " + ByteString(error.description)
                        + "; its directory must exist, and you must be able to write to it")
                throw ExitCode.failure
            }
        } else {
            Output.write(exactly: text)
        }
        guard metrics != former else { return }
        guard let file = Self.file else {
            Output.complain("the counters cannot be kept: set HOME or XDG_STATE_HOME to a directory of your own")
            throw ExitCode.failure
        }
        do throws(Errno) {
            try Files.makeDirectories(file.parentPath, mode: 0o700)
            try Files.replace(file, with: metrics.json.text + "\n", mode: 0o600)
        } catch {
            Output.complain("the counters cannot be kept in " + file + ": " + ByteString(error.description))
            throw ExitCode.failure
        }
    }

    private static var file: ByteString? { Locations.state?.appending(path: "metrics.json") }

    private static var kept: Metrics? {
        file.flatMap { try? Files.read($0, limit: 1 << 20, followLinks: false) }.flatMap { Metrics($0) }
    }
}

extension Metrics {
    /// Counts what was recorded since the last time.
    fileprivate mutating func count() {
        let written = journal.lines(of: Journal.files)
        journal = written.end
        add(JournalStatistics(of: written.new.compactMap { JournalEntry($0) }))
        let ended = ledger.lines(of: BuildLedger.files)
        ledger = ended.end
        var reached: Set<ByteString> = []
        let known = ended.known.compactMap { LedgerEntry($0) }
        for build in ReportFacts.Build.all(of: ended.new.compactMap { LedgerEntry($0) }, after: known) {
            let arrived = build.entry.export.flatMap { ArrivedExport(at: $0) }
            let isMiss = build.entry.outcome.firstMiss != nil
            add(
                build.entry, saved: build.saved,
                bytes: arrived?.bytes(since: build.entry.began, besides: &reached) ?? 0,
                cause: isMiss ? build.explanation?.cause ?? .unknown : .allCached)
        }
    }
}

extension Metrics.Store {
    /// The user's own sub-store; nil if there is none.
    fileprivate static var own: Metrics.Store? {
        let settings = LoadedSettings.load().settings
        guard let root = settings.store ?? Locations.store, let layout = StoreLayout(root: root),
            let subStore = layout.subStores.first(where: { $0.user == Kernel.userID }),
            let summary = try? SubStoreSummary(of: subStore, in: Store(layout), othersUpTo: settings.unionOthersAge)
        else { return nil }
        let usage = summary.usage
        let current = summary.generations.first { $0.isCurrent }?.name
        return Metrics.Store(
            bytes: [
                ("live", usage.live), ("orphaned", usage.orphaned), ("unfinished", usage.unfinished),
                ("waiting", usage.waiting),
            ],
            budget: settings.trimBudget, free: try? Files.space(at: layout.root).available, keys: summary.keys.count,
            exports: summary.keys.reduce(0) { $0 + $1.complete },
            // The first is gen-000001, and every trim that switches makes the next one.
            trims: max(0, (current?.dropFirst(4).decimal ?? 1) - 1))
    }
}

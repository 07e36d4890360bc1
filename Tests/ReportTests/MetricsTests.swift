import Formats
import History
import Notes
import Testing

@testable import Report

@Suite("Metrics")
struct MetricsTests {
    private func line(_ command: ByteString, changed: Bool = true, _ notes: Note...) -> JournalEntry? {
        JournalEntry(
            JSON.object([
                "time": .integer(1_800_000_000), "command": .string(command), "changed": .bool(changed),
                "notes": .array(
                    notes.map { .object(["code": .string($0.reason.code), "message": .string($0.message)]) }),
            ]).text)
    }

    private func build(_ cached: Bool..., export: Int64? = nil) -> LedgerEntry {
        let steps = cached.enumerated().map { number, isCached in
            BuildOutcome.Step(
                stage: "", number: number + 2, instruction: "RUN", digest: "abc", isCached: isCached,
                duration: 1_500_000_000)
        }
        return LedgerEntry(
            began: 1_800_000_000, process: 7, repository: "r", export: export.map { _ in "/s" }, hasImported: true,
            dockerfile: "", outcome: BuildOutcome(steps: steps, export: export))
    }

    private var some: Metrics {
        var metrics = Metrics()
        metrics.add(
            JournalStatistics(
                of: [
                    line("build", Note(.importAdded, "sha256:x"), Note(.exportAdded, "/s")),
                    line("build", changed: false, Note(.dockerTooOld)), line("run\"\n", Note(.viewAdded)),
                    line("remote", Note(.remoteSilent), Note(.remotePushed)),
                ].compactMap { $0 }))
        metrics.add(build(true, true, false, export: 2_250_000_000), saved: 3_000_000_000, bytes: 77, cause: .modes)
        return metrics
    }

    @Test("The counters in OpenMetrics")
    func counted() {
        let store = Metrics.Store(bytes: [("live", 5)], budget: 9, free: nil, keys: 1, exports: 2, trims: 3)
        let lines = some.text(.openmetrics, user: 1000, version: "1.2.3", store: store).split("\n")
        for line in [
            #"slipway_info{version="1.2.3",user="1000"} 1"#, #"slipway_commands_total{command="build",user="1000"} 2"#,
            #"slipway_commands_total{command="other",user="1000"} 1"#,
            #"slipway_commands_changed_total{user="1000"} 2"#,
            #"slipway_commands_declined_total{code="SLP205",user="1000"} 1"#, #"slipway_imports_total{user="1000"} 1"#,
            #"slipway_steps_cached_total{user="1000"} 2"#, #"slipway_steps_executed_total{user="1000"} 1"#,
            #"slipway_builds_missed_total{cause="modes",user="1000"} 1"#,
            #"slipway_saved_seconds_total{user="1000"} 3.000"#,
            #"slipway_export_seconds_total{user="1000"} 2.250"#, #"slipway_exported_bytes_total{user="1000"} 77"#,
            #"slipway_remote_errors_total{code="SLP913",user="1000"} 1"#,
            #"slipway_remote_pushes_total{user="1000"} 1"#,
            #"slipway_store_bytes{state="live",user="1000"} 5"#, #"slipway_store_trims_total{user="1000"} 3"#,
            "# TYPE slipway_saved_seconds counter", "# UNIT slipway_saved_seconds seconds", "# TYPE slipway info",
        ] as [ByteString] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(lines.suffix(2) == ["# EOF", ""])
    }

    @Test("The older format has no units and no end mark, and uses the names of samples")
    func older() {
        let text = some.text(.prometheus, user: 0, version: "1", store: nil)
        #expect(text.range(of: "# TYPE slipway_builds_total counter\n") != nil)
        #expect(text.range(of: "# TYPE slipway_info gauge\n") != nil)
        #expect(text.range(of: "# UNIT") == nil && text.range(of: "# EOF") == nil)
    }

    @Test("The sums are read back and continue; a torn file counts as none")
    func kept() throws {
        var metrics = some
        metrics.journal = LinePosition(offset: 5, digest: "a")
        let text = metrics.json.text
        #expect(Metrics(text) == metrics)
        for count in 0..<text.count { #expect(Metrics(text.prefix(count)) == nil) }
        var more = try #require(Metrics(text))
        more.add(build(true), saved: .max, bytes: .max, cause: .allCached)
        more.add(build(false), saved: .min, bytes: .max, cause: .unknown)
        #expect(more.counts[.builds] == ["": 3] && more.counts[.missed] == ["modes": 1, "unknown": 1])
        #expect(more.counts[.exported] == ["": .max])
    }
}

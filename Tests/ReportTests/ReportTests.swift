import Formats
import History
import Report
import Testing

@Suite("The report")
struct ReportTests {
    private static let evil: ByteString = "<script>alert(1)</script>\"'&\u{202E}\u{1B}[31m\n"

    private func facts(_ name: ByteString, builds count: Int = 3) -> ReportFacts {
        let builds = (0..<count).map { number -> ReportFacts.Build in
            let steps = [
                BuildOutcome.Step(
                    stage: name, number: 2, instruction: name, digest: "abc", isCached: number % 3 != 0,
                    duration: 90_000_000_000),
                BuildOutcome.Step(stage: name, number: 3, instruction: "RUN", digest: name, isCached: true),
            ]
            var explanation = Explanation(of: Evidence())
            explanation.step = name
            explanation.fix = name
            explanation.paths = [name]
            return .init(
                entry: LedgerEntry(
                    began: 1_800_000_000 + number * 43_200, process: 7, repository: name, export: name,
                    hasImported: true,
                    dockerfile: name, outcome: BuildOutcome(steps: steps, export: 2_000_000_000)),
                saved: number % 3 == 0 ? 0 : 90_000_000_000, explanation: number % 3 == 0 ? explanation : nil,
                places: [(3, name), nil])
        }
        return ReportFacts(
            now: 1_800_000_000, version: name, builds: builds, journal: JournalStatistics(of: []),
            store: .init(
                path: name, used: 5, budget: 9, trimming: (1, 2),
                keys: [.init(name: name, words: name, own: 1, shared: 2, exports: 3, lastUsed: .max)]),
            engines: [(name, name)])
    }

    @Test("Names always appear as text")
    func escaped() {
        let html = ReportPage(facts(Self.evil)).html
        #expect(
            html.range(of: "<script") == nil && html.range(of: "\u{202E}") == nil && html.range(of: "\u{1B}") == nil)
        #expect(
            html.range(of: "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\xe2\\x80\\xae\\x1b[31m\\n") != nil)
        for character in ["<img", "onerror=", "javascript:"] as [ByteString] {
            #expect(ReportPage(facts("\">" + character)).html.range(of: "\">" + character) == nil)
        }
    }

    @Test("It needs no other resources, and stays small")
    func alone() {
        let html = ReportPage(facts("a repository", builds: 5_000)).html
        #expect(html.count < 300_000)
        for word in ["http:", "https:", "src=", "@import", "url(", "<script", "<link rel=\"s"] as [ByteString] {
            #expect(html.range(of: word) == nil, "\(word)")
        }
        let long = ByteString(repeatElement(UInt8(ascii: "<"), count: 100_000))
        #expect(ReportPage(facts(long, builds: 300)).html.count < 300_000)
    }

    @Test("What it summarizes")
    func sums() {
        let html = ReportPage(facts("shop")).html
        for text in [
            "<b>3 min 0 s</b> less 6 s for exports", "<b>3</b> 6 steps", "<b>83.3 %</b> one shared cache: 83.3 %",
            "<td class=\"n\">83.3 %</td><td><span class=\"bar\" aria-hidden=\"true\"><span style=\"width:83%\">",
            "would free 1 B and drop 2 exports", ">2027-01-15</th>",
        ] as [ByteString] {
            #expect(html.range(of: text) != nil, "\(text)")
        }
        let lines = ReportText(facts("shop")).lines
        #expect(lines.first == "3 min 0 s saved, 6 s spent on exports, 3 builds")
        #expect(lines.contains { $0.range(of: "1 min 30 s  shop shop, line 3 of shop") != nil })
    }

    @Test("Nothing recorded, and impossible numbers")
    func extremes() {
        var empty = facts("shop", builds: 0)
        empty.store = nil
        #expect(ReportPage(empty).html.range(of: "Nothing has been recorded yet") != nil)
        #expect(ReportText(empty).lines.count == 1)
        let step = BuildOutcome.Step(
            stage: "", number: .max, instruction: "RUN", digest: "", isCached: false, duration: .max)
        for began in [Int.min, -1, 0, Int.max] {
            let entry = LedgerEntry(
                began: began, process: 1, repository: "", export: "/", hasImported: true, dockerfile: "",
                outcome: BuildOutcome(steps: [step, step], export: .max))
            empty.builds.append(.init(entry: entry, saved: .max, explanation: nil))
            empty.builds.append(.init(entry: entry, saved: .min, explanation: nil))
        }
        empty.store = .init(path: "", used: .max, budget: 0, trimming: (.max, 0), keys: [])
        #expect(ReportPage(empty).html.hasSuffix("</html>\n") && !ReportText(empty).lines.isEmpty)
    }
}

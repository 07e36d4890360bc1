public import Formats
internal import History
internal import Notes
internal import Planning

/// A single self-contained page: no script, no network, no font.
public struct ReportPage {
    private let facts: ReportFacts
    private let sums: ReportSums

    private static let mostDays = 30
    private static let mostRows = 25

    /// Summarizes the facts.
    public init(_ facts: ReportFacts) {
        self.facts = facts
        sums = ReportSums(facts)
    }

    /// The HTML of the page.
    public var html: ByteString {
        let main: [HTML] = [
            header, figures, days, repositories, hits, misses, slowSteps, store, engines, declined, method,
        ]
        let body =
            "<a class=\"skip\" href=\"#main\">To the report</a>\n" as HTML
            + .element("main", #"id="main""#, "\n" + main.joined())
        let policy: HTML =
            #"<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">"#
        let head =
            "<meta charset=\"utf-8\">\n" as HTML + policy
            + "\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            + "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n"
            + .element("title", "", "Slipway: what builds saved") + "\n"
            + .element("style", "", ReportStyle.sheet)
        return
            ("<!doctype html>\n<html lang=\"en\">\n<head>\n" + head + "\n</head>\n<body>\n" + body
            + "\n</body>\n</html>\n").source
    }

    // MARK: - Words

    private static func time(_ nanoseconds: Int64) -> HTML { .text(ReportText.time(nanoseconds)) }
    private static func size(_ bytes: UInt64) -> HTML { .text(ByteSize.text(bytes)) }
    private static func percent(_ part: Int, of whole: Int) -> HTML { .text(ReportText.percent(part, of: whole)) }

    private func section(_ id: StaticString, _ title: HTML, _ content: HTML...) -> HTML {
        let name = HTML(stringLiteral: id)
        return .element(
            "section", "aria-labelledby=\"" + name + "\"",
            "\n" + .element("h2", "id=\"" + name + "\"", title) + "\n" + content.joined()) + "\n"
    }

    private static func paragraph(_ content: HTML) -> HTML { .element("p", "", content) + "\n" }
    private static func code(_ words: ByteString) -> HTML { .element("code", "", .text(words)) }

    /// A bar beside the number that it shows; hidden from screen readers.
    private static func bar(_ part: Int64, of whole: Int64) -> HTML {
        let width = whole <= 0 ? 0 : Int(100 * max(0, min(1, Double(part) / Double(whole))))
        return "<span class=\"bar\" aria-hidden=\"true\"><span style=\"width:" + .number(width) + "%\"></span></span>"
    }

    // MARK: - Sections

    private var header: HTML {
        let first = facts.builds.first?.entry.began ?? facts.journal.first
        let last = facts.builds.last?.entry.began ?? facts.journal.last
        let period: HTML =
            if let first, let last {
                "Builds from " + .text(Timestamp.text(first).prefix(10)) + " to "
                    + .text(Timestamp.text(last).prefix(10)) + ", "
            } else {
                "Nothing has been recorded yet; "
            }
        return .element("h1", "", "What builds saved") + "\n"
            + Self.paragraph(
                period + "written "
                    + .text(Self.date(facts.now / 86_400) + " " + Timestamp.text(facts.now).dropFirst(11).prefix(5))
                    + " UTC by Slipway "
                    + .text(facts.version) + ".")
    }

    private var figures: HTML {
        func figure(_ name: HTML, _ value: HTML, _ note: HTML) -> HTML {
            .element("div", "", .element("dt", "", name) + .element("dd", "", .element("b", "", value) + " " + note))
                + "\n"
        }
        var list = figure(
            "Saved", Self.time(sums.saved), "less " + Self.time(sums.exporting) + " for exports")
        list += figure("Builds", .number(sums.builds), .number(sums.steps) + " steps")
        list += figure(
            "Cached", Self.percent(sums.cached, of: sums.steps),
            "one shared cache: " + Self.percent(sums.cached + sums.missedHere, of: sums.steps))
        if let store = facts.store {
            list += figure("Store", Self.size(store.used), "of " + Self.size(store.budget))
        }
        return .element("dl", #"class="figures""#, "\n" + list) + "\n"
    }

    private var days: HTML {
        let days = sums.days.suffix(Self.mostDays)
        guard let first = days.first, let last = days.last else { return "" }
        var table = Table(
            caption: "Days with builds, in UTC; most recent " + .number(days.count),
            columns: [
                ("Day", .dates), ("Builds", .numbers), ("Saved", .numbers), ("Time for exports", .numbers),
            ])
        for day in days.reversed() {
            table.rows.append([
                .text(Self.date(day.day)), .number(day.builds), Self.time(day.saved), Self.time(day.exporting),
            ])
        }
        return section(
            "days", "Time saved by day", Self.chart(Array(days), first.day, last.day),
            .element("details", "", .element("summary", "", "Day by day") + "\n" + table.html))
    }

    private static func date(_ day: Int) -> ByteString {
        // A ledger may contain any number.
        let (seconds, isTooMuch) = day.multipliedReportingOverflow(by: 86_400)
        return Timestamp.text(isTooMuch ? Timestamp.latest : seconds).prefix(10)
    }

    private static func chart(_ days: [ReportSums.Day], _ first: Int, _ last: Int) -> HTML {
        let span = max(first, last &- (mostDays - 1))
        let most = max(1, days.map(\.saved).max() ?? 1)
        let (step, height) = (20, 120)
        var bars: HTML = ""
        for day in days where day.day >= span {
            let tall = max(1, Int(clamping: max(0, day.saved) / max(1, most / Int64(height))))
            let label = HTML.text(date(day.day)) + ": " + time(day.saved)
            bars +=
                "<rect x=\"" + .number((day.day - span) * step + 2) + "\" y=\"" + .number(height - min(height, tall))
                + "\" width=\"" + .number(step - 4) + "\" height=\"" + .number(min(height, tall)) + "\">"
                + .element("title", "", label) + "</rect>"
        }
        let width = HTML.number(max(1, min(mostDays, last - span + 1)) * step)
        return
            "<svg class=\"chart\" role=\"img\" aria-label=\"Time saved by day; the list below has the numbers\" viewBox=\"0 0 "
            + width + " " + .number(height) + "\" preserveAspectRatio=\"xMinYMax meet\">" + bars + "</svg>\n"
    }

    private var repositories: HTML {
        var table = Table(
            caption: "Repositories by the name that they claim, most recent build first",
            columns: [
                ("Repository", .words), ("Builds", .numbers), ("Steps cached", .numbers), ("Saved", .numbers),
                ("Time for exports", .numbers), ("", .words),
            ])
        let most = sums.accounts.map(\.saved).max() ?? 0
        for account in sums.accounts.prefix(Self.mostRows) {
            table.rows.append([
                .text(account.repository), .number(account.builds), Self.percent(account.cached, of: account.steps),
                Self.time(account.saved), Self.time(account.exporting),
                Self.bar(account.saved, of: most)
                    + (account.pays ? "" : " exports cost more than they return: " + Self.code("export = auto")),
            ])
        }
        return table.rows.isEmpty
            ? "" : section("repositories", "Time saved by repository", table.html, more(sums.accounts.count))
    }

    private func more(_ count: Int) -> HTML {
        count <= Self.mostRows ? "" : Self.paragraph("And " + .number(count - Self.mostRows) + " more.")
    }

    private var hits: HTML {
        guard sums.steps > 0 else { return "" }
        func row(_ name: HTML, _ count: Int) -> [HTML] {
            [
                name, .number(count), Self.percent(count, of: sums.steps),
                Self.bar(Int64(clamping: count), of: Int64(clamping: sums.steps)),
            ]
        }
        var table = Table(
            caption: "Steps of all builds",
            columns: [("", .words), ("Steps", .numbers), ("Of all", .numbers), ("", .words)])
        table.rows = [
            row("Cached", sums.cached), row("One shared cache would have hit", sums.cached + sums.missedHere),
            row("All", sums.steps),
        ]
        return section(
            "hits", "Hits, compared with one shared cache", table.html,
            Self.paragraph(
                "The second row also counts all steps of builds whose first miss no change by the user explains. It is an upper bound."
            ))
    }

    private var misses: HTML {
        guard !sums.misses.isEmpty else { return "" }
        var table = Table(
            caption: "Causes of the first step that was not cached, most executed steps first",
            columns: [
                ("Cause", .words), ("Builds", .numbers), ("Steps executed", .numbers), ("Most recent", .words),
                ("Fix", .words),
            ])
        for miss in sums.misses {
            let last = miss.last.map { told -> HTML in
                (told.step.isEmpty ? "" : Self.code(told.step) + ": ") + .text(told.sentence)
            }
            table.rows.append([
                .text(miss.cause.rawValue), .number(miss.builds), .number(miss.steps), last ?? "its records are gone",
                miss.last?.fix.map(Self.code) ?? "",
            ])
        }
        return section("misses", "Why builds missed, and the fix", table.html)
    }

    private var slowSteps: HTML {
        guard !sums.slowSteps.isEmpty else { return "" }
        var table = Table(
            caption: "Executed steps, longest total time first",
            columns: [
                ("Step", .words), ("Repository", .words), ("Runs", .numbers), ("Together", .numbers),
                ("Longest", .numbers),
            ])
        for step in sums.slowSteps.prefix(Self.mostRows) {
            table.rows.append([
                Self.code(step.name), .text(step.repository), .number(step.runs), Self.time(step.total),
                Self.time(step.longest),
            ])
        }
        return section("steps", "Slowest steps", table.html)
    }

    private var store: HTML {
        guard let store = facts.store else {
            return section("store", "The store", Self.paragraph("Nothing has been exported yet."))
        }
        let used = Int64(clamping: store.used)
        var text =
            Self.code(store.path) + " holds " + Self.size(store.used) + " of " + Self.size(store.budget) + ". "
            + Self.bar(used, of: Int64(clamping: store.budget))
        if let trimming = store.trimming {
            text +=
                " " + Self.code("slipway trim") + " would free " + Self.size(trimming.frees) + " and drop "
                + .number(trimming.exports) + " exports."
        }
        var table = Table(
            caption: "Keys, most recently used first",
            columns: [
                ("Key", .words), ("Claimed name", .words), ("Own", .numbers), ("Shared", .numbers),
                ("Exports", .numbers),
                ("Last used", .words),
            ])
        for key in store.keys.prefix(Self.mostRows) {
            table.rows.append([
                Self.code(key.name), .text(key.words), Self.size(key.own), Self.size(key.shared), .number(key.exports),
                .text(Timestamp.text(key.lastUsed).prefix(10)),
            ])
        }
        return section("store", "The store", Self.paragraph(text), table.html, more(store.keys.count))
    }

    private var engines: HTML {
        guard !facts.engines.isEmpty else { return "" }
        var table = Table(
            caption: "Engines that builds have reached", columns: [("Engine", .words), ("What it is", .words)])
        for engine in facts.engines.prefix(Self.mostRows) {
            table.rows.append([Self.code(engine.name), .text(engine.detail)])
        }
        return section("engines", "Engines", table.html)
    }

    private var declined: HTML {
        guard !sums.declined.isEmpty else { return "" }
        var table = Table(
            caption: "Commands that passed through unchanged, by reason; a command may have several reasons",
            columns: [("Reason", .words), ("Commands", .numbers), ("What it means", .words)])
        for reason in sums.declined.prefix(Self.mostRows) {
            let sentence = Reason(code: reason.name).map { ByteString($0.sentence) } ?? "a reason of another version"
            table.rows.append([Self.code(reason.name), .number(reason.count), .text(sentence)])
        }
        return section("declined", "Passed through unchanged", table.html)
    }

    private var method: HTML {
        section(
            "method", "How this is counted",
            Self.paragraph(
                "From what Slipway and the engines' history wrote down on this machine for one user. Saved is what cached steps of builds that imported took when they last ran here: an estimate, and nothing for steps that never ran here. Causes come from comparing each build with the one whose layers it imported."
            ))
    }
}

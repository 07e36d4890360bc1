import ArgumentParser
import BuildCache
import Engine
import Formats
import History
import Host
import Planning
import Report
import Shim

/// `slipway report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show what builds saved, why they missed, and what fills the store.",
        discussion: """
            Prints a summary on the terminal, or writes one page that needs no network and no script: time saved by \
            day and repository, hits compared with those of one shared cache, causes of misses with their fixes, \
            slowest steps, the store by key and what trimming would free, and engines. Repositories appear under the \
            names that they claim. The data are what was recorded here for you; only you can read the file.

              slipway report
              slipway report --open
              slipway report --since 7d --html report.html
            """)

    @Option(
        help: ArgumentHelp("Write the page to FILE, or to standard output for -.", valueName: "file"),
        completion: .file(extensions: ["html"]))
    var html: String?

    @Flag(help: "Write the page and show it in the browser.")
    var open = false

    @OptionGroup var since: Since

    func validate() throws {
        guard !(open && html == "-") else { throw ValidationError("--open needs a file: give --html FILE, or none.") }
    }

    func run() throws {
        let facts = ReportFacts.gather(since: since.moment)
        guard html != "-" else { return Output.write(exactly: ReportPage(facts).html) }
        guard let file = try file() else { return Output.write(Output.lines(ReportText(facts).lines)) }
        do throws(Errno) {
            // It contains names of repositories and paths.
            try Files.replace(file, with: ReportPage(facts).html, mode: 0o600)
        } catch {
            Output.complain(
                "cannot write " + file + ": " + ByteString(error.description)
                    + "; use --html with a file in a directory of yours")
            throw ExitCode.failure
        }
        Output.write("wrote " + file.terminalSafe + "\n")
        if open { try show(file) }
    }

    private func file() throws -> ByteString? {
        let directory = (try? Kernel.workingDirectory()) ?? "/"
        if let html { return ByteString(html).absolute(in: directory) }
        guard open else { return nil }
        guard let state = Locations.state, (try? Files.makeDirectories(state, mode: 0o700)) != nil else {
            Output.complain("there is no directory for the page: name a file with --html FILE")
            throw ExitCode.failure
        }
        return state.appending(path: "report.html")
    }

    private func show(_ file: ByteString) throws {
        let programs = ["xdg-open", "wslview", "open"] as [ByteString]
        let folders = (Kernel.variable("PATH") ?? "").split(":").filter { $0.hasPrefix("/") }
        let places = programs.flatMap { name in folders.map { $0.appending(path: name) } }
        guard let program = places.first(where: { Files.allows(.execute, $0) }) else {
            Output.complain("found no program to open it (xdg-open): open file://" + file + " in a browser")
            throw ExitCode.failure
        }
        // A browser may run as long as its window is open: nobody waits for it.
        let error = Execution.become(program, arguments: .words([program, file]))
        Output.complain(
            program + " cannot be started (" + ByteString(error.description) + "): open file://" + file
                + " in a browser")
        throw ExitCode.failure
    }
}

extension ReportFacts {
    /// Everything known here, without asking an engine.
    fileprivate static func gather(since moment: Int?) -> ReportFacts {
        let entries = BuildLedger.entries
        let old = entries.prefix { $0.began < moment ?? 0 }
        return ReportFacts(
            now: Int(Clock.now / 1_000_000_000), version: ByteString(Release.version),
            builds: Build.all(of: Array(entries.dropFirst(old.count)), after: Array(old)),
            journal: JournalStatistics(
                of: JournalEntry.entries(of: Journal.files), JournalFilter(since: moment)),
            store: Store.own,
            engines: EngineMemory(file: Locations.state?.appending(path: "engines"), isWriting: false).known)
    }
}

extension ReportFacts.Build {
    /// Builds of the ledger; how long steps take is also known from earlier ones.
    static func all(of entries: [LedgerEntry], after known: [LedgerEntry]) -> [ReportFacts.Build] {
        let saved = BuildAccount.saved(by: known + entries).suffix(entries.count)
        let commands = entries.contains { $0.outcome.firstMiss != nil } ? RecordedBuild.commands() : []
        return zip(entries, saved).map { entry, saved in
            guard entry.outcome.firstMiss != nil, let found = RecordedBuild.of(entry, among: commands) else {
                return .init(entry: entry, saved: saved, explanation: nil)
            }
            let outline = found.build.record?.outline
            let places = entry.outcome.steps.map { step in
                outline?.index(stage: step.stage, number: step.number, word: step.keyword)
                    .flatMap { outline?.instructions[$0] }.map { (line: $0.line, text: $0.text) }
            }
            return .init(entry: entry, saved: saved, explanation: found.explanation, places: places)
        }
    }
}

extension ReportFacts.Store {
    /// The user's own sub-store; nil if there is none.
    fileprivate static var own: ReportFacts.Store? {
        let settings = LoadedSettings.load().settings
        guard let root = settings.store ?? Locations.store, let layout = StoreLayout(root: root),
            let subStore = layout.subStores.first(where: { $0.user == Kernel.userID }),
            let summary = try? SubStoreSummary(of: subStore, in: Store(layout), othersUpTo: settings.unionOthersAge)
        else { return nil }
        var retention = Retention()
        retention.maximumSize = settings.trimBudget
        let plan = try? Trim(Store(layout), keeping: retention, dryRun: true).run()
        return ReportFacts.Store(
            path: subStore.path, used: summary.usage.total, budget: settings.trimBudget,
            trimming: plan.map { ($0.before.total - min($0.before.total, $0.after.total), $0.dropped.count) },
            keys: summary.keys.map { key in
                .init(
                    name: key.name,
                    words: [key.words("repository"), key.words("target")].filter { !$0.isEmpty }
                        .joined(separator: " target "),
                    own: key.ownBytes, shared: key.sharedBytes, exports: key.complete,
                    lastUsed: Int(key.lastUsed / 1_000_000_000))
            })
    }
}

import ArgumentParser
import BuildCache
import Formats
import Foundation
import Host
import Notes
import Planning
import Shim
import Warm

/// `slipway trim`
struct TrimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trim",
        abstract: "Make the store or the package caches smaller, even while builds run.",
        discussion: """
            First drops the exports that contain nothing that a build would not find in newer ones. Then, until the \
            rest fits the budget, drops the layers that were used least recently. What running builds use is deleted \
            after they have ended; until then it is reported as waiting. A user trims their own sub-store, and root \
            trims all. Exits with 1 if a sub-store could not be trimmed.

            With --packages it trims the package caches of the engine that docker reaches: views that no container \
            has, generations that were replaced at least 30 days ago (or as long ago as --older-than says), and layers \
            that nothing refers to any more. The current generation stays, and so does everything that a container \
            uses.

              slipway trim --dry-run
              slipway trim --max-size 5GB --older-than 30d
              slipway trim --packages --dry-run
            """)

    @OptionGroup var place: StoreOption

    @Flag(help: "Trim the package caches of the engine instead.")
    var packages = false

    @Flag(help: "Change nothing; print what the figures would be.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "How much may stay in each sub-store, such as 20GB. Default: trim.max-size.", valueName: "size")
    )
    var maxSize: String?

    @Option(help: ArgumentHelp("Also drop what has not been used for this long, such as 30d.", valueName: "time"))
    var olderThan: String?

    @Option(help: ArgumentHelp("Trim only this key, by its name in `slipway status`.", valueName: "name"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "Keep at most this many exports of each key, the most recently used ones.", valueName: "count"))
    var keep: Int?

    @Flag(help: "Keep no exports.")
    var all = false

    @Flag(help: "Trim even where the locks of other machines may be invisible: NFS, virtiofs, 9p, FUSE.")
    var force = false

    @Flag(
        help: """
            Print JSON: dryRun, parts (user, path, outcome, before, after, kept, dropped, shortened, carried, bytesOverBudget, neededBudget, heldBy); with \
            --packages dryRun, removed, kept, failed (name, kind, cause).
            """
    )
    var json = false

    func validate() throws {
        if let maxSize, ByteSize.parse(ByteString(maxSize)) == nil {
            throw ValidationError("--max-size takes a size with a unit, such as 20GB, not \(maxSize)")
        }
        if let olderThan, TimeSpan.parse(ByteString(olderThan)) == nil {
            throw ValidationError("--older-than takes a time with a unit, such as 30d, not \(olderThan)")
        }
        guard keep ?? 0 >= 0 else { throw ValidationError("--keep takes a number of 0 or more") }
        if packages, maxSize != nil || key != nil || keep != nil || all || force || place.store != nil {
            throw ValidationError("--packages goes with --dry-run, --older-than and --json only")
        }
    }

    func run() throws {
        if packages {
            let grace = olderThan.flatMap { TimeSpan.parse(ByteString($0)) }.map { Int($0 / 1_000_000) }
            return try PackageUpkeep(json: json).trim(grace: grace ?? Sweep.usualGrace, dryRun: dryRun)
        }
        let settings = LoadedSettings.load().settings
        var retention = Retention()
        retention.mostOfKey = keep
        retention.maximumSize = maxSize.flatMap { ByteSize.parse(ByteString($0)) } ?? settings.trimBudget
        retention.maximumAge = olderThan.flatMap { TimeSpan.parse(ByteString($0)) }
        retention.key = key.map { ByteString($0) }
        retention.dropsAll = all
        try Trimming(store: place.layout(settings), retention: retention, dryRun: dryRun, force: force, json: json)
            .run()
    }
}

/// `slipway purge`
struct PurgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Drop all exports of the store, or of one key, after asking.",
        discussion: """
            Running builds continue: what they use is deleted after they have ended, by the next trim. With --packages \
            it removes the package caches of the engine that docker reaches; what containers use is reported and kept, \
            and then the exit code is 1.
            """)

    @OptionGroup var place: StoreOption

    @Option(help: ArgumentHelp("Only this key, by its name in `slipway status`.", valueName: "name"))
    var key: String?

    @Flag(help: "Remove the package caches of the engine instead.")
    var packages = false

    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(help: "Purge even where the locks of other machines may be invisible: NFS, virtiofs, 9p, FUSE.")
    var force = false

    @Flag(help: "Print JSON, as `slipway trim` does.")
    var json = false

    func validate() throws {
        if packages, key != nil || force || place.store != nil {
            throw ValidationError("--packages goes with --yes and --json only")
        }
    }

    func run() throws {
        let layout = try place.layout(LoadedSettings.load().settings)
        if !yes {
            guard Kernel.isTerminal(0) else {
                Output.complain("purge asks before it deletes, and there is nobody to ask: add --yes")
                throw ExitCode(2)
            }
            let exports = (key.map { "all exports of \($0)" } ?? "all exports") + " in \(layout.root.lossy)"
            let what = packages ? "all package caches of this engine" : exports
            Output.write(ByteString("Drop \(what)? [y/N] "))
            guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else { throw ExitCode.failure }
        }
        if packages { return try PackageUpkeep(json: json).purge() }
        var retention = Retention()
        retention.dropsAll = true
        retention.key = key.map { ByteString($0) }
        try Trimming(store: layout, retention: retention, dryRun: false, force: force, json: json).run()
    }
}

/// The store that a command works on.
struct StoreOption: ParsableArguments {
    @Option(help: ArgumentHelp("The store's directory. Default: the one that builds use.", valueName: "dir"))
    var store: String?

    func layout(_ settings: Settings) throws -> StoreLayout {
        let path = store.map { ByteString(URL(fileURLWithPath: $0).standardizedFileURL.path) } ?? settings.store
        guard let layout = (path ?? Locations.store).flatMap({ StoreLayout(root: $0) }) else {
            Output.complain("a store's path must be absolute and printable ASCII: name one with --store")
            throw ExitCode(2)
        }
        return layout
    }
}

/// Trims the sub-stores of a store one by one, each as its user, and reports the results.
struct Trimming {
    let store: StoreLayout
    let retention: Retention
    let dryRun: Bool
    let force: Bool
    let json: Bool

    func run() throws {
        if !force, let system = try? Files.fileSystem(at: store.root), system.place == .remote {
            Output.complain(
                store.root + " is on " + system.name
                    + ", where the locks of other machines may be invisible: stop all builds and add --force")
            throw ExitCode.failure
        }
        let own = store.subStores.filter { $0.user == Kernel.userID || Kernel.userID == 0 }
        if let key = retention.key, !own.contains(where: { holds(key, $0.user) }) {
            Output.complain("no key is called " + key + " in " + store.root + ": `slipway status` names them")
            throw ExitCode.failure
        }
        var reports: [JSON] = []
        var failed = false
        let line = ProgressLine(.standardError(!json))
        for subStore in own {
            line.step("trimming " + subStore.path, unit: .items)
            defer { line.clear() }
            do {
                let report = try Kernel.acting(as: subStore.user, group: subStore.group) {
                    var trim = Trim(Store(store, user: subStore.user), keeping: retention, dryRun: dryRun)
                    trim.progress = line.following(subStore.path)
                    return try trim.run()
                }
                reports.append(report.json)
                line.clear()
                // A user who wanted everything removed must learn that it was not.
                if retention.dropsAll && [.otherTrimAtWork, .inUse].contains(report.outcome) { failed = true }
                if !json { Output.write(report.text) }
            } catch {
                failed = true
                let reason = (error as? StoreError)?.note.message ?? ByteString("\(error)")
                reports.append(.object(["user": .integer(Int(subStore.user)), "error": .string(reason)]))
                Output.complain(subStore.path + ": " + reason + "; see `slipway doctor`")
            }
        }
        for place in store.squatted where place.user == Kernel.userID || Kernel.userID == 0 {
            failed = failed || place.user == Kernel.userID
            reports.append(.object(["user": .integer(Int(place.user)), "error": .string(place.text)]))
            Output.complain(place.text)
        }
        if json {
            Output.write(.object(["dryRun": .bool(dryRun), "parts": .array(reports)]))
        } else if reports.isEmpty {
            Output.write(store.root + " holds nothing of " + (Kernel.userID == 0 ? "anybody's\n" : "yours\n"))
        }
        if failed { throw ExitCode.failure }
    }

    private func holds(_ key: ByteString, _ user: UInt32) -> Bool {
        guard !key.isEmpty, !key.contains("/") else { return false }
        let isHeld = try? Store(store, user: user).withCurrentGeneration(of: user) { current in
            current.map { !Files.isMissing($0.exportsPath.appending(path: key)) } ?? false
        }
        return isHeld ?? false
    }
}

extension ProgressLine {
    /// A step for each kind of work that a trim of this sub-store does.
    func following(_ path: ByteString) -> (Trim.Work, Int, Int) -> Void {
        var step: Trim.Work?
        return { [self] work, done, total in
            if step != work {
                step = work
                let words: ByteString = work == .linking ? "keeping layers of " : "deleting files of "
                self.step(words + path, unit: .items)
            }
            self.done(UInt64(clamping: done), of: UInt64(clamping: total))
        }
    }
}

extension Trim.Report {
    /// Stable for programs.
    var json: JSON {
        func list(_ exports: [Retention.Dropped]) -> JSON {
            .array(
                exports.map {
                    .object(["key": .string($0.key), "export": .string($0.export), "cause": .string($0.cause.name)])
                })
        }
        return .object([
            "user": .integer(Int(user)), "path": .string(path), "outcome": .string(outcomeName),
            "before": before.json, "after": after.json, "kept": .integer(kept), "carried": .integer(carried),
            "dropped": list(dropped), "shortened": list(shortened),
            "bytesOverBudget": .integer(Int(clamping: bytesOverBudget)),
            "neededBudget": .integer(Int(clamping: neededBudget)), "heldBy": .array(holders.map(\.json)),
        ])
    }

    private var outcomeName: ByteString {
        switch outcome {
        case .nothingToDo: "nothing-to-do"
        case .switched: "switched"
        case .swept: "swept"
        case .otherTrimAtWork: "other-trim-at-work"
        case .inUse: "in-use"
        case .planned: "planned"
        }
    }

    /// For people.
    var text: ByteString {
        var lines: [ByteString] = [path]
        switch outcome {
        case .otherTrimAtWork:
            let who = holders.isEmpty ? "somebody else" : holders.map(\.text).joined(separator: ", ")
            return path + "\n  is being trimmed by " + who + "\n"
        case .inUse: lines.append("  is in use, and its file system has no hard links: try again when no build runs")
        default: break
        }
        lines.append("            before      after")
        for (name, figure) in [
            ("total", \.total), ("live", \.live), ("orphaned", \.orphaned), ("unfinished", \.unfinished),
            ("waiting", \.waiting),
        ] as [(String, KeyPath<Trim.Usage, UInt64>)] {
            let (before, after) = (ByteSize.text(before[keyPath: figure]), ByteSize.text(after[keyPath: figure]))
            lines.append(
                "  " + ByteString(name).padded(to: 10) + before.padded(left: 8) + " " + after.padded(left: 10))
        }
        let verb: ByteString = outcome == .planned ? "would drop " : "dropped "
        var summary =
            "  " + verb + ByteString(decimal: dropped.count) + " exports, " + ByteString(decimal: kept) + " stay"
        if carried > 0 { summary += ", " + ByteString(decimal: carried) + " arrived late and were carried over" }
        lines.append(summary)
        let causes = Dictionary(grouping: dropped, by: \.cause.name).mapValues(\.count).sorted { $0.key < $1.key }
        for (cause, count) in causes { lines.append("    " + cause + ": " + ByteString(decimal: count)) }
        if !shortened.isEmpty {
            let verb: ByteString = outcome == .planned ? " would lose" : " lost"
            lines.append(
                "    " + ByteString(decimal: shortened.count) + " of those that stay" + verb + " layers without room")
        }
        if !holders.isEmpty {
            lines.append("  what waits is in use by " + holders.map(\.text).joined(separator: ", "))
        }
        if bytesOverBudget > 0 {
            lines.append(
                "  the budget is too small by " + ByteSize.text(bytesOverBudget)
                    + " for the other keys, which stay: trim without --key")
        }
        if neededBudget > 0 {
            lines.append(
                "  the budget is too small for layers that are dropped each time: raise --max-size or trim.max-size above "
                    + ByteSize.text(neededBudget))
        }
        return Output.lines(lines)
    }
}

extension Trim.Usage {
    var json: JSON {
        .object([
            "total": .integer(Int(clamping: total)), "live": .integer(Int(clamping: live)),
            "orphaned": .integer(Int(clamping: orphaned)), "unfinished": .integer(Int(clamping: unfinished)),
            "waiting": .integer(Int(clamping: waiting)),
        ])
    }
}

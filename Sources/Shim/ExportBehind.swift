internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import History
internal import Host
internal import Notes
internal import Planning

/// An export that is made after docker has ended: it solves the same build again, only for its cache, while all steps
/// are in the engine's own cache. It ends in the first step that is not, unless that is short.
struct ExportBehind {
    private let docker: ByteString
    private let words: [ByteString]
    /// What makes the export complete; BuildKit writes it last.
    private let index: ByteString
    private let directory: ByteString
    private let pending: PendingExport
    private let nanoseconds: Int64
    private let mostPressure: Int

    /// The first buildx with a history, without which it is unknown how a build ended.
    private static let oldestBuildx = Version(0, 21)
    /// The name of this build in BuildKit's history, instead of the context's directory.
    private static let name: ByteString = "slipway: cache export"
    /// The background process lives at most two hours, and the build itself may take one of them.
    private static let longest: Int64 = 1_800_000_000_000
    private static let pause: Int64 = 1_000_000_000
    /// How long no step has begun or ended before the solve may be cancelled. When a step begins, BuildKit commits the
    /// snapshot of the one before. If the solve is cancelled meanwhile, BuildKit believes that it failed, though
    /// containerd has done it, and until somebody prunes the cache each build with that step fails ("failed to commit
    /// ... during finalize"): after 12 of 40 solves that were cancelled up to 0.1 s after a step had begun, on a disk
    /// that took 0.04 s to sync. A commit syncs a few times, and a busy disk takes up to a second for each.
    private static let calm: Int64 = 3_000_000_000
    /// How much longer than its limit it may take because steps keep beginning.
    private static let mostUnrest: Int64 = 60_000_000_000

    /// Why a build must export before docker ends; nil if it need not.
    static func obstacle(
        to build: BuildInvocation, by builder: BuilderFacts, isRecognizable: Bool, _ settings: Settings
    ) -> ByteString? {
        if let option = build.obstacleToRepetition { return option }
        guard settings.records, settings.journal else { return "record or journal is off" }
        guard builder.driver == "docker", builder.cache != nil else { return "the builder is not the engine's own" }
        guard let buildx = builder.buildx, buildx >= oldestBuildx else { return "buildx is older than 0.21" }
        guard isRecognizable else { return "changes of its files cannot be detected" }
        guard Detached.isPossible else { return "no background process is possible" }
        return nil
    }

    /// `export.option` is the value of `--cache-to`. `imported` is the build's own value of `--cache-from`: the engine
    /// may not hold all the layers that the build imported from there. nil if the pending export cannot be recorded.
    init?(
        _ build: BuildInvocation, _ arguments: [ByteString], as identity: BuildIdentity, docker: ByteString,
        directory: ByteString, importing imported: ByteString?, exportingTo export: (place: Export, option: ByteString),
        _ settings: Settings
    ) {
        guard let pending = PendingExport(of: identity, in: export.place.generation) else { return nil }
        self.pending = pending
        self.docker = docker
        index = export.place.path.appending(path: Export.index)
        self.directory = directory
        mostPressure = settings.exportBehindPressure
        nanoseconds = min(settings.exportBehindTime, Self.longest)
        var options: [ByteString] = ["--output=type=cacheonly", "--progress=rawjson"]
        options.append("--build-arg=BUILDKIT_BUILD_NAME=" + Self.name)
        if let imported { options.append("--cache-from=" + imported) }
        options.append("--cache-to=" + export.option)
        words = build.repetition(arguments, options: options)
    }

    /// Exports, and records the result. `isUnchanged` compares the build's files with those at its start.
    func run(after outcome: BuildOutcome?, isUnchanged: () -> Bool) {
        defer { pending.end() }
        let end = Clock.monotonic &+ nanoseconds
        guard let outcome else { return note(.exportBehindEnded, "how the build ended is unknown") }
        // A failed build has nothing new and complete to export.
        guard outcome.isFinished else { return note(.exportBehindEnded, "the build failed") }
        while isBusy {
            guard pending.isWanted else { return note(.exportBehindEnded, Self.superseded) }
            guard Clock.monotonic < end else { return note(.exportBehindEnded, Self.busy) }
            Clock.sleep(nanoseconds: Self.pause)
        }
        guard isUnchanged() else { return note(.exportBehindEnded, Self.edited) }
        solve(until: end, isUnchanged)
    }

    private var isBusy: Bool { SystemPressure.current?.isAbove(processors: mostPressure) ?? false }

    private static let superseded: ByteString = "the build was begun again"
    private static let edited: ByteString = "files have changed"
    private static let busy: ByteString = "the machine is busy"
    private static let late: ByteString = "export.behind.max-time"

    private func solve(until end: Int64, _ isUnchanged: () -> Bool) {
        let began = Clock.monotonic
        var progress = SolveProgress()
        var (changed, checked, obstacle) = (began, began, ByteString?.none)
        var solve = Subprocess(
            program: docker, arguments: words, environment: Kernel.environment)
        solve.directory = directory
        solve.isStoppable = false
        solve.nanoseconds = max(0, end &- began) &+ Self.mostUnrest
        func isInTheWay(at now: Int64) -> Bool {
            guard now &- checked >= Self.pause else { return false }
            checked = now
            return isBusy
        }
        func isWanted() -> Bool {
            let now = Clock.monotonic
            guard now &- changed >= Self.calm else { return true }
            if let step = progress.executed {
                obstacle = "not cached: " + step
            } else if !pending.isWanted {
                obstacle = Self.superseded
            } else if now >= end {
                obstacle = Self.late
            } else if isInTheWay(at: now) {
                obstacle = Self.busy
            }
            return obstacle == nil
        }
        do throws(Errno) {
            let ending = try solve.run(while: isWanted) { stream, line in
                if stream == .error, progress.add(line) { changed = Clock.monotonic }
            }
            guard ending.exitCode == 0 else {
                return note(.exportBehindEnded, "exit code " + (ending.exitCode.map { ByteString(decimal: $0) } ?? "?"))
            }
            // Its records tell of the files at the build's beginning, and what has been executed may have read others.
            guard progress.executed == nil || isUnchanged() else {
                try? Files.remove(index)
                return note(.exportBehindEnded, Self.edited)
            }
            note(.exportedBehind, ByteString(decimal: (Clock.monotonic &- began) / 1_000_000) + " ms")
        } catch {
            note(.exportBehindEnded, obstacle ?? (error == .timedOut ? Self.late : ByteString(error.description)))
        }
    }

    private func note(_ reason: Reason, _ detail: ByteString) {
        Journal.append([Note(reason, detail)], command: "export", isChanged: false, in: directory)
    }
}

public import Formats

/// The holder of a lock on a file.
public struct LockHolder: Hashable, Sendable {
    /// The process; nil if the kernel reports a lock but this user may not see whose it is.
    public let process: Int32?
    /// The process's user ID; nil if not visible.
    public let user: UInt32?
    /// The program's name, which it can choose itself; empty if not visible.
    public let command: ByteString

    /// Named values, for tests and tables.
    public init(process: Int32?, user: UInt32?, command: ByteString) {
        self.process = process
        self.user = user
        self.command = command
    }

    /// "1234 (docker, user 0)", or a text that says that it is not visible.
    public var text: ByteString {
        guard let process else { return "a process that only root on the host can see" }
        var words = command.isEmpty ? "?" : command.terminalSafe
        if let user { words += ", user " + ByteString(decimal: user) }
        return ByteString(decimal: process) + " (" + words + ")"
    }

    /// pid, user, command; null if unknown. Stable for programs.
    public var json: JSON {
        .object([
            "pid": process.map { .integer(Int($0)) } ?? .null, "user": user.map { .integer(Int($0)) } ?? .null,
            "command": .string(command),
        ])
    }
}

extension Files {
    /// The processes that hold a lock on a file, by `Descriptor.lock` or `lockByAccess`, each once and sorted by PID.
    /// Locks are inherited, and the process that took one may be gone, so every process that has the locked file open
    /// counts. A process whose files may not be inspected is known only from the kernel's table, which names the taker
    /// of a `flock` and no process for the other kind.
    ///
    /// Source: proc(5), /proc/locks and /proc/PID/fdinfo. The table's device number is not compared: on btrfs and
    /// overlay it differs from the one that `stat` returns.
    public static func lockHolders(_ path: ByteString) -> [LockHolder] {
        guard let status = try? status(path, followLinks: false) else { return [] }
        let table = takers(of: status)
        guard table.isLocked else { return [] }
        var holders: Set<LockHolder> = []
        for name in (try? names(in: "/proc", limit: .max)) ?? [] {
            guard let process = name.decimal.flatMap(Int32.init(exactly:)), process > 0 else { continue }
            switch holds(process, status, path.lastPathComponent) {
            case true?: holders.insert(holder(process))
            case nil where table.processes.contains(process): holders.insert(holder(process))
            default: continue
            }
        }
        guard !holders.isEmpty else { return [LockHolder(process: nil, user: nil, command: "")] }
        return holders.sorted { ($0.process ?? 0) < ($1.process ?? 0) }
    }

    /// What the kernel's table says about a file: whether it is locked, and which processes took a `flock`.
    private static func takers(of file: FileStatus) -> (isLocked: Bool, processes: Set<Int32>) {
        guard let table = try? read("/proc/locks", limit: 16 << 20) else { return (false, []) }
        var processes: Set<Int32> = []
        var isLocked = false
        for line in table.split("\n") {
            let fields = line.split(" ").filter { !$0.isEmpty }
            guard let kind = fields.firstIndex(where: { $0 == "FLOCK" || $0 == "OFDLCK" }), fields.count > kind + 4,
                fields[1] != "->",
                fields[kind + 4].cutLast(at: ":")?.after.decimal.map(UInt64.init(_:)) == file.inode
            else { continue }
            isLocked = true
            if let process = fields[kind + 3].decimal.flatMap(Int32.init(exactly:)) { processes.insert(process) }
        }
        return (isLocked, processes)
    }

    /// Whether a process has a file with this name open and locked; nil if its files may not be inspected.
    private static func holds(_ process: Int32, _ file: FileStatus, _ name: ByteString) -> Bool? {
        let folder = "/proc/" + ByteString(decimal: process)
        guard let numbers = try? names(in: folder + "/fd", limit: .max) else { return nil }
        return numbers.contains { number in
            let descriptor = folder + "/fd/" + number
            // Compare the name first: a stat of a file on a server that is gone would block.
            guard let target = try? readLink(descriptor), target.lastPathComponent == name,
                let status = try? status(descriptor), status.isSameFile(as: file),
                let facts = try? read(folder + "/fdinfo/" + number, limit: 65_536)
            else { return false }
            return facts.range(of: "lock:") != nil
        }
    }

    private static func holder(_ process: Int32) -> LockHolder {
        let folder = "/proc/" + ByteString(decimal: process)
        let command = (try? read(folder + "/comm", limit: 256)).map(\.trimmed)
        return LockHolder(process: process, user: (try? status(folder))?.owner, command: command ?? "")
    }
}

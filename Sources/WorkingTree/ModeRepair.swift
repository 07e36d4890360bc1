public import Formats
public import Host

extension ModeSurvey {
    /// The result of a repair, or of a dry run.
    public struct Repair: Sendable {
        /// What now has git's mode.
        public var fixed: [Difference] = []
        /// What could not be changed, and why.
        public var failed: [(difference: Difference, error: Errno)] = []
        /// Files and directories that stay closed to others, because git does not have their content: it may be
        /// secret.
        public var kept: [Difference] = []
        /// Those whose content was not compared: no time, too large, or unreadable.
        public var uncompared: [Difference] = []
    }

    /// How much may be read to compare contents.
    public struct RepairLimits: Sendable {
        /// When to stop changing and comparing.
        public var deadline = Deadline.never
        /// Larger files are not read.
        public var largest = 1 << 30

        /// A gigabyte for each file, without a time limit.
        public init() {}
    }

    /// Gives what differs the modes of a clone: permission bits of tracked files and of their directories, and nothing
    /// else. It leaves alone what has been replaced since the survey, and files with other names: `tooManyLinks`. It
    /// opens a file to more readers only if its content is the index's. If `changing` is false it only reports.
    public func repair(_ limits: RepairLimits = RepairLimits(), changing: Bool = true) -> Repair {
        var repair = Repair()
        do throws(Checkout.CheckoutError) {
            fix(in: try Self.open(top), &repair, limits, changing)
        } catch {
            repair.failed = differences.map { ($0, .noSuchFile) }
        }
        return repair
    }

    private func fix(
        in folder: borrowing DirectoryDescriptor, _ repair: inout Repair, _ limits: RepairLimits, _ changing: Bool
    ) {
        let tracked = TrackedPaths(checkouts, until: limits.deadline)
        for difference in differences {
            guard !limits.deadline.hasPassed else { return }
            do throws(Errno) {
                guard !difference.isHardLinked else { throw .tooManyLinks }
                if difference.isDirectory && difference.isOpening {
                    var closed = ClosedFolder(
                        tracked, limits, opening: difference.wanted & ~difference.mode & 0o055)
                    guard let isOpenable = closed.holdsOnlyTracked(difference.path, in: folder) else {
                        repair.uncompared.append(difference)
                        continue
                    }
                    guard isOpenable else {
                        repair.kept.append(difference)
                        continue
                    }
                }
                guard difference.isOpening, !difference.isDirectory else {
                    if changing {
                        try folder.setMode(difference.path, of: difference.status, difference.wanted)
                        try check(difference)
                    }
                    repair.fixed.append(difference)
                    continue
                }
                // Read and changed through one descriptor, so that a file put in its place meanwhile is neither read
                // nor changed.
                let file: Descriptor
                do throws(Errno) {
                    file = try folder.openFile(difference.path, of: difference.status)
                } catch .accessDenied {
                    repair.uncompared.append(difference)
                    continue
                }
                guard let isBlob = Self.holds(file, difference.status, difference.blob, limits) else {
                    repair.uncompared.append(difference)
                    continue
                }
                guard isBlob else {
                    repair.kept.append(difference)
                    continue
                }
                if changing {
                    try file.setMode(difference.wanted)
                    try check(difference)
                }
                repair.fixed.append(difference)
            } catch {
                repair.failed.append((difference, error))
            }
        }
    }

    /// Checks that a change took effect: a file system without modes accepts it and keeps its own.
    private func check(_ difference: Difference) throws(Errno) {
        let kept = try Files.status(top.appending(path: difference.path), followLinks: false).mode
        guard kept == difference.wanted else { throw .notSupported }
    }

    /// Whether a file has the content that git has for it; nil if that could not be determined.
    static func holds(
        _ file: borrowing Descriptor, _ seen: FileStatus, _ wanted: [UInt8], _ limits: RepairLimits
    ) -> Bool? {
        guard seen.size <= limits.largest, !limits.deadline.hasPassed else { return nil }
        var blob = BlobDigest(size: seen.size, isLong: wanted.count == 32)
        var size = 0
        while let piece = try? file.read(upTo: 1 << 18) {
            guard !piece.isEmpty else {
                guard size == seen.size, let now = try? file.status(), now.changed == seen.changed else { return nil }
                return blob.digest() == wanted
            }
            size &+= piece.count
            guard size <= seen.size, !limits.deadline.hasPassed else { return nil }
            blob.update(piece)
        }
        return nil
    }
}

extension ModeSurvey.Difference {
    /// Whether the new mode lets more people read it, or what is in it.
    var isOpening: Bool { wanted & ~mode & (isDirectory ? 0o055 : 0o044) != 0 }
}

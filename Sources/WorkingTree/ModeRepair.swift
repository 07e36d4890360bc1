public import Formats
public import Host

extension ModeSurvey {
    /// What repairing did, or would do.
    public struct Repair: Sendable {
        /// What has git's mode now.
        public var fixed: [Difference] = []
        /// What could not be changed, and why.
        public var failed: [(difference: Difference, error: Errno)] = []
        /// Files, and directories, that stay closed to others, since git does not have what is in them: it may be a secret.
        public var kept: [Difference] = []
        /// Those whose content was not compared: no time, too large, or not to be read.
        public var uncompared: [Difference] = []
    }

    /// How much may be read to compare contents.
    public struct RepairLimits: Sendable {
        /// When changing stops, and comparing.
        public var deadline = Deadline.never
        /// A file of more bytes is not read.
        public var largest = 1 << 30

        /// A gigabyte for each file, however long it takes.
        public init() {}
    }

    /// Gives what differs the modes of a clone: permission bits of tracked files and of their directories, and nothing else.
    /// What has been replaced since the survey is left alone, and so are files with other names: `tooManyLinks`. A file that more
    /// people could read than now is opened to them only if its content is the index's. `changing` false only tells.
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
                // Read and changed by one descriptor: what is put in its place meanwhile is neither.
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

    /// A file system without modes takes them and keeps its own.
    private func check(_ difference: Difference) throws(Errno) {
        let kept = try Files.status(top.appending(path: difference.path), followLinks: false).mode
        guard kept == difference.wanted else { throw .notSupported }
    }

    /// Whether a file holds what git has for it; nil when that was not found out.
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
    /// Whether more people could read it than now, or what is in it.
    var isOpening: Bool { wanted & ~mode & (isDirectory ? 0o055 : 0o044) != 0 }
}

// The KCL's AggregatorUtil on the loads of main.go, whose files and digest are described
// in load.go: java -cp 'lib/*' Reader.java DIR SECONDS LOAD...

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import software.amazon.kinesis.retrieval.AggregatorUtil;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

public class Reader {
    static final OperatingSystemMXBean PROCESS = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    static final AggregatorUtil AGGREGATES = new AggregatorUtil();

    public static void main(String[] args) throws Exception {
        double seconds = Double.parseDouble(args[1]);
        // Once to warm up: what is compiled for the first load would count for it.
        for (int i = 2; i < args.length; i++) {
            read(args[0], args[i], seconds);
        }
        for (int i = 2; i < args.length; i++) {
            System.out.println(read(args[0], args[i], seconds));
        }
    }

    static String read(String dir, String load, double seconds) throws Exception {
        List<byte[]> packed = new ArrayList<>();
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(Path.of(dir, load + ".aggregates")));
        while (file.hasRemaining()) {
            byte[] data = new byte[file.getInt()];
            file.get(data);
            packed.add(data);
        }
        List<KinesisClientRecord> users = new ArrayList<>();
        for (byte[] data : packed) {
            users.addAll(unpack(data));
        }
        double nanos = 0;
        // As perRecord in measure.go; the garbage collector's and the compiler's threads are
        // of the process.
        for (double d : new double[] {seconds / 2, seconds}) {
            long start = System.nanoTime(), cpu = PROCESS.getProcessCpuTime(), rounds = 0;
            do {
                for (byte[] data : packed) {
                    unpack(data);
                }
                rounds++;
            } while (System.nanoTime() - start < d * 1e9);
            nanos = (double) (PROCESS.getProcessCpuTime() - cpu) / (rounds * users.size());
        }
        return String.format(Locale.ROOT,
                "{\"peer\":\"KCL AggregatorUtil, Java\",\"what\":\"read\",\"load\":\"%s\",\"records\":%d,\"digest\":\"%s\",\"nanos\":%f}",
                load, users.size(), digest(users), nanos);
    }

    static List<KinesisClientRecord> unpack(byte[] data) {
        return AGGREGATES.deaggregate(List.of(
                KinesisClientRecord.builder().partitionKey("a").sequenceNumber("1").data(ByteBuffer.wrap(data)).build()));
    }

    static String digest(List<KinesisClientRecord> users) throws Exception {
        MessageDigest sum = MessageDigest.getInstance("SHA-256");
        for (KinesisClientRecord user : users) {
            byte[] key = user.partitionKey().getBytes(StandardCharsets.UTF_8);
            sum.update(ByteBuffer.allocate(4).putInt(0, key.length));
            sum.update(key);
            ByteBuffer data = user.data().duplicate();
            sum.update(ByteBuffer.allocate(4).putInt(0, data.remaining()));
            sum.update(data);
        }
        return HexFormat.of().formatHex(sum.digest(), 0, 8);
    }
}

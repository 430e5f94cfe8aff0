<%@page import="java.nio.file.*"%><%@page trimDirectiveWhitespaces="true"%><%
Path folder = Path.of("/srv/tomcat/notes");
String put = request.getParameter("put"), get = request.getParameter("get");
if (put != null) { Files.createDirectories(folder); Files.writeString(folder.resolve(put), "kept"); out.print("written"); }
else if (get != null) out.print(Files.readString(folder.resolve(get)));
else out.print("tomcat");
%>
